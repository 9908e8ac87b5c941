use http::Uri;
use proptest::prelude::*;

use super::*;

#[test]
fn the_hosts_of_the_vendor_are_bases() {
    for text in [
        "https://api.kamipay.io",
        "https://api2.kamipay.io",
        "https://devnakamotoapi2.kamipay.io",
        "https://proxy.example.com:8443/kami/pay",
        "http://localhost:8080",
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:65535",
        "https://10.0.0.1",
        "https://my-own_api.example.com",
    ] {
        assert_eq!(text.parse::<BaseUrl>().map(|base| base.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn a_host_is_no_longer_than_a_name_can_be() {
    for (length, is_host) in [(252, true), (253, true), (254, false), (255, false)] {
        let name = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".");
        let host =
            format!("{}{}", &name[..length.min(253)], ".".repeat(length.saturating_sub(253)));
        assert_eq!(format!("https://{host}").parse::<BaseUrl>().is_ok(), is_host, "{length}");
    }
    assert!(format!("https://{}.io", "a".repeat(64)).parse::<BaseUrl>().is_err());
}

#[test]
fn a_base_is_written_one_way() {
    for (text, base) in [
        ("HTTPS://API.kamipay.io/", "https://api.kamipay.io"),
        ("https://api.kamipay.io/v0///", "https://api.kamipay.io/v0"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("https://api.kamipay.io:0443", "https://api.kamipay.io:443"),
    ] {
        assert_eq!(text.parse::<BaseUrl>().unwrap().as_str(), base);
    }
}

#[test]
fn anything_that_could_be_read_two_ways_is_refused() {
    use InvalidBaseUrl::*;
    for (text, error) in [
        ("", Scheme),
        ("api.kamipay.io", Scheme),
        ("ftp://api.kamipay.io", Scheme),
        (" https://api.kamipay.io", Scheme),
        ("https:/api.kamipay.io", Scheme),
        ("https://", Host),
        ("https:///v1", Host),
        ("https://:443", Host),
        ("https://api..io", Host),
        ("https://-a.io", Host),
        ("https://kami pay.io", Host),
        ("https://kamipay.io\\@evil.com", UserInfo),
        ("https://kamipay.io\\evil", Host),
        ("https://kamipáy.io", Host),
        ("https://[::1", Port),
        ("https://[::1]x", Host),
        ("https://[::g]", Host),
        ("https://user@kamipay.io", UserInfo),
        ("https://user:pass@kamipay.io", UserInfo),
        ("https://kamipay.io:", Port),
        ("https://kamipay.io:0", Port),
        ("https://kamipay.io:+443", Port),
        ("https://kamipay.io:-1", Port),
        ("https://kamipay.io:99999", Port),
        ("https://kamipay.io:443:443", Port),
        ("https://kamipay.io/a//b", Path),
        ("https://kamipay.io/../b", Path),
        ("https://kamipay.io/a%2fb", Path),
        ("https://kamipay.io/a b", Path),
        ("https://kamipay.io/a\r\nb", Path),
        ("https://kamipay.io?x=1", Query),
        ("https://kamipay.io/#x", Query),
        ("http://kamipay.io", PlainText),
        ("http://localhost.evil.com", PlainText),
        ("http://127.0.0.1.evil.com", PlainText),
        ("http://0.0.0.0", PlainText),
        ("http://[::2]", PlainText),
        ("http://127.1", Host),
        ("http://2130706433", Host),
        ("http://0x7f.1", Host),
        ("http://127.0.0.0x1", Host),
        ("https://127.0.0.0X1", Host),
        ("https://0X", Host),
    ] {
        assert_eq!(text.parse::<BaseUrl>(), Err(error), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_base_panics(text in ".{0,60}", like in "https?://[a-z0-9.:@/\\[\\]?#%-]{0,40}") {
        for text in [text, like] {
            if let Ok(base) = text.parse::<BaseUrl>() {
                prop_assert_eq!(base.as_str().parse::<BaseUrl>(), Ok(base.clone()));
                let uri: Uri = base.as_str().parse().unwrap();
                prop_assert!(uri.host().is_some());
            }
        }
    }
}
