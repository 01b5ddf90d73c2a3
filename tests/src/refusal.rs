//! What AWS says when it refuses, in the form of each of its protocols: for what no emulator can be made to say.

use crate::proxy::header;

/// Calls that are refused, and how.
#[derive(Clone, Debug)]
pub struct Refusal {
    operation: Option<&'static str>,
    region: Option<&'static str>,
    code: &'static str,
    message: String,
    status: u16,
    date: Option<String>,
    left: Option<u32>,
}

impl Refusal {
    /// Of every call.
    pub fn of_all(code: &'static str, message: &str) -> Self {
        Self { operation: None, region: None, code, message: message.to_owned(), status: 400, date: None, left: None }
    }

    /// Of one operation.
    pub fn of(operation: &'static str, code: &'static str, message: &str) -> Self {
        Self { operation: Some(operation), ..Self::of_all(code, message) }
    }

    /// In one region only.
    #[must_use]
    pub fn region(mut self, region: &'static str) -> Self {
        self.region = Some(region);
        self
    }

    /// So many times at most.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// With another HTTP status than 400.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With this time in the answer: RFC 9110's form.
    #[must_use]
    pub fn dated(mut self, date: String) -> Self {
        self.date = Some(date);
        self
    }

    /// Itself, if this call is to be refused; counts it.
    pub(crate) fn strikes(&mut self, operation: &str, head: &str) -> Option<&Self> {
        // The scope of a signature names the region.
        let signed = header(head, "authorization").unwrap_or_default();
        let elsewhere = self.region.is_some_and(|region| !signed.contains(&format!("/{region}/")));
        if self.operation.is_some_and(|o| o != operation) || elsewhere || self.left == Some(0) {
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some(self)
    }

    /// The answer to a request with this head.
    pub(crate) fn answer(&self, head: &str) -> Vec<u8> {
        let (kind, body) = self.body(head);
        let date = self.date.as_ref().map(|d| format!("Date: {d}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {} Refused\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{date}x-amzn-RequestId: refused\r\n\
             Connection: close\r\n\r\n",
            self.status
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }

    fn body(&self, head: &str) -> (&'static str, String) {
        let (code, message) = (self.code, &self.message);
        if header(head, "x-amz-target").is_some() {
            let body = serde_json::json!({ "__type": code, "message": message }).to_string();
            return ("application/x-amz-json-1.1", body);
        }
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        // The scope of a signature names the service: EC2 has a form of its own.
        let body = if header(head, "authorization").is_some_and(|a| a.contains("/ec2/")) {
            format!("<Response><Errors>{error}</Errors><RequestID>refused</RequestID></Response>")
        } else {
            format!("<ErrorResponse>{error}<RequestId>refused</RequestId></ErrorResponse>")
        };
        ("text/xml", body)
    }
}
