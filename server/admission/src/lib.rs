//! What stands before a server's addresses, whatever it serves: [`Bounded`], a listener whose connections
//! are bounded in number and idleness; [`Visits`], the requests under way; [`origin`], whose pages ask.

mod connections;
pub mod origin;
mod visits;

pub use connections::{Bounded, Bounds, Connection};
pub use visits::{Peer, Visits, visit};
