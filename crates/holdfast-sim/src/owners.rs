//! Others who own fields of live things: an autoscaler, a deployment that shifts traffic, a circuit breaker.
//!
//! They know no kind: whoever makes one says of which thing and which field.

use crate::actors::{Tamper, TamperError};
use crate::cloud::SimCloud;
use holdfast_core::name::Scope;
use holdfast_core::observe::Health;
use holdfast_core::ownership::{Bounds, Claim, FieldOwner, Ownership, Undone};
use serde_json::{Value, json};

/// A field of a live thing, which is named by its id or identity.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where the thing lives.
    pub scope: Scope,
    /// Its kind.
    pub kind: &'static str,
    /// Its id or identity.
    pub name: String,
    /// JSON Pointer of the field.
    pub path: &'static str,
}

impl Place {
    fn set(&self, cloud: &SimCloud, value: Value) -> Result<(), TamperError> {
        cloud.tamper(&self.scope, self.kind, &self.name, Tamper::Set(self.path.to_owned(), value))
    }

    fn ownership(&self, cloud: &SimCloud) -> Ownership {
        cloud.find(&self.scope, self.kind, &self.name).map(|o| o.ownership.clone()).unwrap_or_default()
    }

    fn owned(&self, cloud: &SimCloud, ownership: Ownership) -> Result<(), TamperError> {
        cloud.tamper(&self.scope, self.kind, &self.name, Tamper::Owned(Box::new(ownership)))
    }
}

/// Keeps a number between two bounds, and moves it there as it likes.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    /// The number.
    pub place: Place,
    /// Its bounds.
    pub bounds: Bounds,
}

impl Autoscaler {
    /// Begins; a number outside its bounds is brought inside.
    pub fn begin(&self, cloud: &SimCloud) -> Result<(), TamperError> {
        let mut ownership = self.place.ownership(cloud);
        ownership.owners.push(FieldOwner {
            path: self.place.path.to_owned(),
            owner: "application-autoscaling".to_owned(),
            bounds: Some(self.bounds),
            passing: false,
            why: format!("Application Auto Scaling keeps it between {} and {}.", self.bounds.min, self.bounds.max),
        });
        self.place.owned(cloud, ownership)?;
        let now = cloud.find(&self.place.scope, self.place.kind, &self.place.name);
        let live = now.as_ref().and_then(|o| o.fields.pointer(self.place.path));
        match live.and_then(|v| self.bounds.nearest(v)) {
            Some(inside) if live != Some(&json!(inside)) => self.place.set(cloud, json!(inside)),
            _ => Ok(()),
        }
    }

    /// The load wants so many; it gives as many as its bounds allow.
    pub fn wants(&self, cloud: &SimCloud, number: i64) -> Result<(), TamperError> {
        self.place.set(cloud, json!(number.clamp(self.bounds.min, self.bounds.max)))
    }
}

/// A deployment that replaces what runs and shifts traffic to it, step by step.
#[derive(Clone, Debug)]
pub struct Shift {
    /// What is replaced.
    pub place: Place,
    /// Where the traffic between `among` is weighed.
    pub traffic: Place,
    /// The two halves.
    pub among: Vec<String>,
    /// What marks a text as one of their sort.
    pub marker: String,
}

impl Shift {
    /// Begins with another value in the place.
    pub fn begin(&self, cloud: &SimCloud, value: Value) -> Result<(), TamperError> {
        self.place.set(cloud, value)?;
        self.tell(cloud, true)
    }

    /// Weighs the traffic anew.
    pub fn weighs(&self, cloud: &SimCloud, value: Value) -> Result<(), TamperError> {
        self.traffic.set(cloud, value)
    }

    /// Ends; the traffic stays its business.
    pub fn end(&self, cloud: &SimCloud) -> Result<(), TamperError> {
        self.tell(cloud, false)
    }

    fn tell(&self, cloud: &SimCloud, running: bool) -> Result<(), TamperError> {
        let said = |path: &str| FieldOwner {
            path: path.to_owned(),
            owner: "ecs-deployment".to_owned(),
            bounds: None,
            passing: running,
            why: "A deployment shifts traffic between two target groups.".to_owned(),
        };
        let claim = Claim {
            kind: self.traffic.kind.to_owned(),
            id: None,
            among: self.among.clone(),
            marker: self.marker.clone(),
            complete: true,
            owner: said(self.traffic.path),
        };
        let mut ownership = self.place.ownership(cloud);
        ownership.owners.retain(|o| o.path != self.place.path);
        ownership.owners.extend(running.then(|| said(self.place.path)));
        ownership.claims = vec![claim];
        self.place.owned(cloud, ownership)
    }
}

/// AWS gives a deployment up: the value that was there before comes back, with AWS's words. They stand until
/// [`forget`].
pub fn roll_back(cloud: &SimCloud, place: &Place, before: Value, beside: &[&str]) -> Result<(), TamperError> {
    let why = "rolling back to deployment ecs-svc/1: tasks failed to start".to_owned();
    place.set(cloud, before)?;
    let beside = beside.iter().map(|b| (*b).to_owned()).collect();
    let mut ownership = place.ownership(cloud);
    ownership.undone = vec![Undone { path: place.path.to_owned(), value: Value::Null, why: why.clone(), beside }];
    place.owned(cloud, ownership)?;
    cloud.tamper(&place.scope, place.kind, &place.name, Tamper::Health(Health::Degraded(why)))
}

/// What AWS said of a rollback is no longer shown, and the thing works again.
pub fn forget(cloud: &SimCloud, place: &Place) -> Result<(), TamperError> {
    let mut ownership = place.ownership(cloud);
    ownership.undone.clear();
    place.owned(cloud, ownership)?;
    cloud.tamper(&place.scope, place.kind, &place.name, Tamper::Health(Health::Healthy))
}
