//! kamipay-ureq
