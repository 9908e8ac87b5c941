//! Answers as the vendor's pages show them, every field given, the same bytes on every machine.

/// The lot that [`lot`] is.
pub(crate) const LOT_ID: &str = "9c030c8b-6d68-445b-8048-1bacd91012fa";

/// The payment that [`pay_status`] is about.
pub(crate) const PAYMENT: &str = "txc_01jranqegkf509bq5svh03ztt8";

/// A page of 1000 rows of `GET /v1/settlements/transactions`, without spaces.
pub fn page(offset: u64, total: u64) -> String {
    let rows: Vec<String> = (0..1000).map(transaction).collect();
    let rows = rows.join(",");
    format!(r#"{{"transactions":[{rows}],"total":{total},"limit":1000,"offset":{offset}}}"#)
}

fn transaction(n: u64) -> String {
    let bits = mix(n);
    let (request, kamipay, order) = (ulid(bits), ulid(mix(bits)), bits % 100_000);
    let (reais, centavos) = (bits >> 20 & 0x3ff, bits >> 40 & 0x3f);
    let (pesos, half) = (bits >> 10 & 0x1f_ffff, (bits >> 50 & 1) * 5);
    let (minute, second) = (n / 60 % 60, n % 60);
    let settlement = n / 19;
    let (number, provider, hash) = (12_345 + settlement, hex(settlement, 10), hex(settlement, 64));
    format!(
        concat!(
            r#"{{"settlement_id":{number},"kamipay_request_id":"ptxr_{request}","#,
            r#""kamipay_id":"dqr_{kamipay}","external_id":"merchant-order-aaa-{order:05}","#,
            r#""charged_amount":{reais}.{centavos:02},"charged_currency":"BRL","#,
            r#""settlement_amount":{pesos}.{half},"settlement_currency":"ARS","#,
            r#""charged_timestamp":"2026-05-14T13:{minute:02}:{second:02}Z","#,
            r#""created_at":"2026-05-14T14:{minute:02}:{second:02}Z","#,
            r#""settlement_provider_name":"provider_x","settled_at":"2026-05-14T15:00:42Z","#,
            r#""provider_settlement_id":"psid_{provider}","#,
            r#""external_settlement_id":"0x{hash}"}}"#,
        ),
        number = number,
        request = request,
        kamipay = kamipay,
        order = order,
        reais = reais,
        centavos = centavos,
        pesos = pesos,
        half = half,
        minute = minute,
        second = second,
        provider = provider,
        hash = hash,
    )
}

/// A lot with 1000 payouts and no refund, as `GET /v1/lots/{lot_identifier}` shows it.
pub(crate) fn lot() -> String {
    let payouts: Vec<String> = (0..1000).map(payout).collect();
    let (payouts, hash) = (payouts.join(","), hex(0, 64));
    format!(
        concat!(
            r#"{{"lot_id":"{id}","transaction_hash":"0x{hash}","usdt_amount":"10027.79968000","#,
            r#""created_at":"2025-05-07T19:36:52.907905Z","status":"MINED","#,
            r#""payouts":[{payouts}],"refunds":[]}}"#,
        ),
        id = LOT_ID,
        hash = hash,
        payouts = payouts,
    )
}

fn payout(n: u64) -> String {
    let bits = mix(n);
    let (id, dollars, decimals) = (ulid(bits), bits >> 20 & 0xff, bits % 100_000_000);
    let (minute, second, micros) = (n / 60 % 60, n % 60, bits % 1_000_000);
    format!(
        concat!(
            r#"{{"kamipay_id":"txc_{id}","amount":"{dollars}.{decimals:08}","#,
            r#""created_at":"2025-05-07T19:{minute:02}:{second:02}.{micros:06}Z"}}"#,
        ),
        id = id,
        dollars = dollars,
        decimals = decimals,
        minute = minute,
        second = second,
        micros = micros,
    )
}

/// The page's own example of a payment that is done, without spaces.
pub fn pay_status() -> String {
    format!(
        concat!(
            r#"{{"status":"ok","msg":"Request ok","data":{{"status":"done","#,
            r#""operation_id":"1744115063604","#,
            r#""address_in":"0x1c0acf85329f8985a46656dfa159488fedce1ab4","#,
            r#""txid":"0x233c86e9a23ca44d229d9c9a62439e237a6c5dd2675b2418f44d339c75e15eab","#,
            r#""amount_usdt":"0.54103","amount_brl":"3.15","#,
            r#""bank_txid":"E200181832025020717363pzCRpHTszu","name":"kamiPay Inc","#,
            r#""kamipay_id":"{id}","external_id":"test235","pix_key":"info@kamipay.io"}}}}"#,
        ),
        id = PAYMENT,
    )
}

/// The same document with a space after each colon and comma, as Python writes it.
pub(crate) fn spaced(compact: &str) -> String {
    compact.replace("\":", "\": ").replace(",\"", ", \"").replace("},{", "}, {")
}

/// 26 characters as those of a ULID.
fn ulid(seed: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let digit = |n: u64| char::from(DIGITS[(mix(seed ^ n) % 32) as usize]);
    (0..26).map(digit).collect()
}

fn hex(seed: u64, digits: usize) -> String {
    let words: String = (0..4).map(|n| format!("{:016x}", mix(4 * seed + n))).collect();
    words[..digits].to_owned()
}

/// Spreads a number over all 64 bits (the output function of SplitMix64).
fn mix(number: u64) -> u64 {
    let bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
