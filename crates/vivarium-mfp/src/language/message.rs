//! Messages as code and arguments; the sentence is made when somebody wants to read it.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal),* $(,)?) => {
        /// What a message says. `FWLSE` codes have the meanings of contract section 5, `VIVSE` codes are our own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($(#[$doc])* $variant),*
        }

        impl Code {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code on the wire, and the key of the text in the catalogues.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code),*
                }
            }
        }
    };
}

codes! {
    /// Generic server error.
    ServerError = "FWLSE3000E",
    /// Generic conflict.
    Conflict = "FWLSE3001E",
    /// Generic "resource not found".
    NotFound = "FWLSE3002E",
    /// No such runtime: `runtime`.
    NoSuchRuntime = "FWLSE3030E",
    /// Invalid payload, details follow.
    InvalidPayload = "FWLSE3051E",
    /// Invalid parameters, details follow.
    InvalidParameters = "FWLSE3053E",
    /// Different errors on the nodes of a runtime: `runtime`.
    SeveralSynchronizationErrors = "FWLSE3113E",
    /// No credentials.
    NoCredentials = "VIVSE1001E",
    /// Wrong user name or password.
    WrongCredentials = "VIVSE1002E",
    /// An `Authorization` header that is not HTTP Basic.
    UnreadableCredentials = "VIVSE1003E",
    /// None of the roles: `user`, `roles`.
    MissingRole = "VIVSE1004E",
    /// Too many attempts: `seconds`.
    TooManyRequests = "VIVSE1005E",
    /// No media type in common: `types`.
    NotAcceptable = "VIVSE1006E",
    /// Nothing at a path: `path`.
    UnknownPath = "VIVSE1007E",
    /// Not that method: `method`.
    WrongMethod = "VIVSE1008E",
    /// A value that a parameter cannot have: `parameter`, `value`, `allowed`.
    WrongParameter = "VIVSE1009E",
    /// Where the log says more: `request`.
    SeeLog = "VIVSE1010E",
    /// A needed part does not answer.
    Unavailable = "VIVSE1011E",
    /// A sentence from inside, which exists in English only: `reason`.
    Reason = "VIVSE1012E",
    /// The one error of the nodes of a runtime: `runtime`, `reason`.
    SynchronizationError = "VIVSE1013E",
}

/// A code and what its sentence speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(super) code: Code,
    pub(super) arguments: Vec<(&'static str, String)>,
}

impl Message {
    /// A message without arguments yet.
    pub(crate) fn new(code: Code) -> Self {
        Self { code, arguments: Vec::new() }
    }

    /// The same with one more argument, which the texts show as it is.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    /// A sentence from inside, which exists in English only.
    pub(crate) fn reason(sentence: impl Into<String>) -> Self {
        Self::new(Code::Reason).with("reason", sentence)
    }

    /// Its code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }
}
