//! placeholder
#[derive(Clone, Debug, Default)]
pub struct Dns;
