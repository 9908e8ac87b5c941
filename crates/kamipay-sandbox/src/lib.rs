//! kamipay-sandbox
