//! The kinds over the wire, against an AWS that we did not write. The whole way through the product is tested in the
//! member `tests`; these are the kinds under core's plan alone.
//!
//! Needs a running moto, for the kinds of ECS a moto or a ministack: `HOLDFAST_TEST_MOTO=http://127.0.0.1:5000
//! HOLDFAST_TEST_ECS=http://127.0.0.1:5000 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_EC2_METADATA_DISABLED=true
//! cargo test -p holdfast-kinds --test wire`.
#![cfg(feature = "aws")]

mod bench;
mod compute;
mod ecs;
mod elb;
mod emulator;
mod known;
mod lookup;
mod network;
mod preflight;
mod rds;
mod security_group;
mod target_attachment;
