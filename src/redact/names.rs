//! Names of what is secret: of parameters, members and fields.

/// A name, as its letters and digits in lower case; of a long one, the end.
#[derive(Clone, Default, Debug)]
pub struct Word {
    bytes: Vec<u8>,
}

/// Letters of a name that are kept: more than any name in a list has, and as many again.
const KEPT: usize = 64;

/// Parts of names that tell secrets wherever they stand in one.
const PARTS: [&str; 25] = [
    "accesskey",
    "apikey",
    "assertion",
    "authkey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "creditcard",
    "csrf",
    "hmac",
    "jwt",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "privatekey",
    "saml",
    "secret",
    "sessid",
    "session",
    "signature",
    "token",
    "xsrf",
];

/// Names that tell secrets as they are.
const NAMES: [&str; 18] = [
    "auth",
    "cardnumber",
    "cvc",
    "cvv",
    "key",
    "otp",
    "pass",
    "pin",
    "pw",
    "pwd",
    "sid",
    "sig",
    "ssn",
    "subscriptionkey",
    "ticket",
    "totp",
    "u2f",
    "userpass",
];

/// Names that do so in URLs, and are of all sorts elsewhere.
const OF_URLS: [&str; 2] = ["code", "sess"];

/// Fields of which the whole value is masked: beside those with a telling part, digests of contents that one could guess.
const FIELDS: [&str; 11] = [
    "authenticationinfo",
    "contentdigest",
    "contentmd5",
    "digest",
    "proxyauthenticationinfo",
    "reprdigest",
    "xauth",
    "xamzcontentsha256",
    "xauthuser",
    "xpassword",
    "xkey",
];

/// Fields that end like those with a key, and have none.
const NO_KEYS: [&str; 3] = ["secwebsocketkey", "surrogatekey", "xcachekey"];

impl Word {
    /// Becomes empty.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a character; what separates the words of a name does not count.
    pub fn push(&mut self, byte: u8) {
        if !byte.is_ascii_alphanumeric() {
            return;
        }
        if self.bytes.len() == KEPT {
            self.bytes.drain(..KEPT / 2);
        }
        self.bytes.push(byte.to_ascii_lowercase());
    }

    /// Whether it is this one.
    pub fn is(&self, name: &str) -> bool {
        self.bytes == name.as_bytes()
    }

    fn has(&self, part: &str) -> bool {
        memchr::memmem::find(&self.bytes, part.as_bytes()).is_some()
    }

    /// Whether a parameter or member of this name is secret.
    pub fn is_secret(&self, in_url: bool) -> bool {
        let is = |names: &[&str]| names.iter().any(|name| self.is(name));
        !self.is_empty() && (is(&NAMES) || in_url && is(&OF_URLS) || PARTS.iter().any(|part| self.has(part)))
    }

    /// Whether it stands before the value of what was named otherwise.
    pub fn is_value(&self) -> bool {
        self.is("value") || self.is("content")
    }

    /// Whether the value of a field of this name is secret as a whole.
    pub fn is_secret_field(&self) -> bool {
        let is = |names: &[&str]| names.iter().any(|name| self.is(name));
        is(&FIELDS) || PARTS.iter().any(|part| self.has(part)) || self.bytes.ends_with(b"key") && !is(&NO_KEYS)
    }
}
