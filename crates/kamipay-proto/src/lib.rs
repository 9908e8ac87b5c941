//! kamipay-proto
