//! Users, their passwords, roles and tokens, and the use cases of logging in.

mod accounts;
mod attempts;
mod directory;
mod password;
mod recent;
mod token;
mod user;

pub use accounts::{Accounts, Credentials, IssuedToken, SessionSettings};
pub use attempts::LoginAttempts;
pub use directory::NewUser;
pub use password::{PasswordHash, Passwords};
pub use token::{Token, TokenHash, TokenKind, TokenSecret};
pub use user::{ADMINISTRATOR_ID, ADMINISTRATOR_NAME, Role, User};
