//! A headless Chromium, driven through the pipes of its remote debugging protocol: messages are JSON, and each ends
//! with a zero byte.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Chromium expects its pipes at descriptors 3 and 4; the shell puts them there.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --remote-debugging-pipe \
    --user-data-dir=\"$0\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// Events that say that something on the page is wrong, or that it wants something from elsewhere.
const WRONG: [&str; 4] = [
    "Log.entryAdded",
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
    "Network.requestWillBeSent",
];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    session: Option<String>,
    last_id: u64,
    /// Events of the page since it began to load.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Result<Browser> {
        let profile = tempfile::tempdir().context("tempdir")?;
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("sh")?;
        let requests = child.stdin.take().context("stdin")?;
        let mut pipe = BufReader::new(child.stdout.take().context("stdout")?);
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while pipe
                .read_until(0, &mut message)
                .is_ok_and(|length| length > 0)
            {
                message.pop();
                if let Ok(message) = serde_json::from_slice(&message) {
                    let _ = sender.send(message);
                }
                message.clear();
            }
        });
        let mut browser = Browser {
            child,
            requests,
            answers,
            session: None,
            last_id: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", &target)?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Opens a page in a window of this width, and returns what was wrong with it.
    pub(crate) fn open(&mut self, page: &Path, width: u32) -> Result<Vec<Value>> {
        let metrics = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        self.ask("Emulation.setDeviceMetricsOverride", &metrics)?;
        self.events.clear();
        let url = format!("file://{}", page.display());
        let answer = self.ask("Page.navigate", &json!({ "url": url }))?;
        ensure!(answer["errorText"].is_null(), "{url}: {answer}");
        while !self
            .events
            .iter()
            .any(|it| it["method"] == "Page.loadEventFired")
        {
            let event = self.receive()?;
            self.events.push(event);
        }
        let is_wrong = |event: &Value| {
            let method = event["method"].as_str().unwrap_or_default();
            WRONG.contains(&method) && event["params"]["request"]["url"] != *url
        };
        Ok(self.events.drain(..).filter(is_wrong).collect())
    }

    /// The value of an expression of JavaScript on the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let question = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", &question)?;
        ensure!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {answer}"
        );
        Ok(answer["result"]["value"].clone())
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.last_id += 1;
        let mut request = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let text = format!("{request}\0");
        self.requests
            .write_all(text.as_bytes())
            .context("write to chromium")?;
        loop {
            let mut message = self.receive()?;
            if message["id"] == self.last_id {
                ensure!(message["error"].is_null(), "{method}: {message}");
                return Ok(message["result"].take());
            }
            self.events.push(message);
        }
    }

    fn receive(&self) -> Result<Value> {
        let answer = self.answers.recv_timeout(PATIENCE);
        answer.context("chromium says nothing")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing its pipe ends the browser with all its processes; a kill would leave some of them.
        let _ = self.ask("Browser.close", &json!({}));
        let _ = self.child.wait();
    }
}
