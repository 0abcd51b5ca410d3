//! placeholder
pub fn identify(_client: &[u8], _server: &[u8]) -> Option<&'static str> {
    None
}
