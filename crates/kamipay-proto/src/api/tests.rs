use proptest::prelude::*;

use super::*;

fn api(base: &str) -> Api {
    Api::new(base.parse().unwrap(), &"secret".parse().unwrap())
}

#[test]
fn a_request_is_the_path_the_query_and_three_headers() {
    let request = api("https://api.kamipay.io/kami/")
        .get(&["v1", "a b/ç"])
        .query("start_date", "2026-01-01T00:00:00Z")
        .query_opt("none", None::<u8>)
        .query_list("store_id", [1, 2, 3])
        .query_list("checkout_id", [0_u8; 0])
        .query("id", "a&b=c+d%\r\n#é")
        .finish()
        .unwrap();
    assert_eq!(
        request.uri(),
        "https://api.kamipay.io/kami/v1/a%20b%2F%C3%A7?start_date=2026-01-01T00%3A00%3A00Z\
         &store_id=1,2,3&id=a%26b%3Dc%2Bd%25%0D%0A%23%C3%A9"
    );
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.headers().len(), 3);
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer secret");
    assert_eq!(request.headers()[CACHE_CONTROL], "no-cache");
    assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(request.body(), b"");
    assert!(!format!("{request:?}").contains("secret"));
}

#[test]
fn what_cannot_be_sent_is_not_built() {
    let api = api("https://api.kamipay.io");
    for segment in ["", ".", ".."] {
        assert_eq!(api.get(&["v1", segment]).finish().unwrap_err(), BuildError::Segment);
    }
    let long = "x".repeat(70_000);
    assert_eq!(api.get(&[&long]).finish().unwrap_err(), BuildError::TooLong);
    let room = LONGEST_URI - "https://api.kamipay.io/".len();
    for (length, fits) in [(room, true), (room + 1, false)] {
        assert_eq!(api.get(&[&"a".repeat(length)]).finish().is_ok(), fits);
    }
    let nobody = Api::anonymous(api.base_url().clone());
    assert_eq!(nobody.get(&["v1", "lots"]).finish().unwrap_err(), BuildError::NoToken);
}

#[test]
fn a_post_contains_the_token_once_and_its_body() {
    let api = api("https://api.kamipay.io/kami");
    let json = api.post_json(&["v2", "a b"], &[("amount", "1.50")]).unwrap();
    assert_eq!(json.uri(), "https://api.kamipay.io/kami/v2/a%20b");
    assert_eq!(json.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(json.body(), br#"[["amount","1.50"]]"#);
    let form = api.post_form(&["v2", "a"], &[("a", "&="), ("b", " ")]).unwrap();
    assert_eq!(form.headers()[CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(form.body(), b"a=%26%3D&b=+");
    for request in [json, form] {
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer secret");
        assert_eq!(request.headers().len(), 3);
    }
    let no_key = std::collections::BTreeMap::from([([1_u8], 1_u8)]);
    assert_eq!(api.post_json(&["a"], &no_key).unwrap_err(), BuildError::Body);
    assert_eq!(api.post_json(&[".."], &1).unwrap_err(), BuildError::Segment);
    let nobody = Api::anonymous(api.base_url().clone());
    assert_eq!(nobody.post_form(&["v2"], &[]).unwrap_err(), BuildError::NoToken);
}

proptest! {
    #[test]
    fn no_part_leaves_its_place(
        segments in prop::collection::vec(".{0,20}", 1..4),
        query in prop::collection::vec((".{1,8}", ".{0,20}"), 0..4),
    ) {
        let api = api("https://api.kamipay.io:8443/base");
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut request = api.get(&parts);
        for (name, value) in &query {
            request = request.query(name, value);
        }
        let Ok(request) = request.finish() else {
            prop_assert!(parts.iter().any(|part| matches!(*part, "" | "." | "..")));
            return Ok(());
        };
        let uri = request.uri();
        prop_assert_eq!(uri.scheme_str(), Some("https"));
        prop_assert_eq!(uri.authority().map(|a| a.as_str()), Some("api.kamipay.io:8443"));
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
        };
        let path: Vec<String> = uri.path().split('/').skip(2).map(decode).collect();
        prop_assert_eq!(path, segments);
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()).into_owned().collect();
        prop_assert_eq!(pairs, query);
    }
}
