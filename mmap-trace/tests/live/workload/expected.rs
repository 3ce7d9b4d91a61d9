//! What a tracer must count: bytes by metric and path.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The directions of a copy, as the recording names them.
const TO_USER: &str = "copied_to_user_bytes";
const FROM_USER: &str = "copied_from_user_bytes";

/// Every path on which bytes are copied.
pub(crate) const PATHS: [&str; 6] = ["page_cache", "tmpfs", "pipe", "socket", "process", "other"];
/// The metrics of bytes that move without a copy.
pub(crate) const UNCOPIED: [&str; 3] = [
    "direct_read_bytes",
    "direct_written_bytes",
    "transferred_bytes",
];

/// Bytes by key, such as `copied_to_user_bytes.pipe` or `transferred_bytes`; a missing key is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected(BTreeMap<String, u64>);

impl Expected {
    /// Adds bytes copied to user memory on a path.
    pub(crate) fn add_to_user(&mut self, path: &str, bytes: usize) {
        self.add(&format!("{TO_USER}.{path}"), bytes);
    }

    /// Adds bytes copied from user memory on a path.
    pub(crate) fn add_from_user(&mut self, path: &str, bytes: usize) {
        self.add(&format!("{FROM_USER}.{path}"), bytes);
    }

    /// Adds bytes written on a path and read again.
    pub(crate) fn both(&mut self, path: &str, bytes: usize) {
        self.add_from_user(path, bytes);
        self.add_to_user(path, bytes);
    }

    /// Adds bytes to any key.
    pub(crate) fn add(&mut self, key: &str, bytes: usize) {
        *self.0.entry(key.to_owned()).or_default() += bytes as u64;
    }

    pub(crate) fn get(&self, key: &str) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }

    /// Every key that a recording has bytes for.
    pub(crate) fn keys() -> Vec<String> {
        let by_path = |metric: &str| PATHS.map(|path| format!("{metric}.{path}"));
        let mut keys: Vec<String> = UNCOPIED.map(str::to_owned).into();
        keys.extend(by_path(TO_USER));
        keys.extend(by_path(FROM_USER));
        keys
    }

    pub(crate) fn to_json(&self) -> String {
        json!(self.0).to_string()
    }

    pub(crate) fn from_json(text: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let pairs = value.as_object().into_iter().flatten();
        Ok(Expected(
            pairs
                .map(|(key, bytes)| (key.clone(), bytes.as_u64().unwrap_or(u64::MAX)))
                .collect(),
        ))
    }
}
