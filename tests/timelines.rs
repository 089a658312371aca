//! What a run does, told as scripts in virtual time: one behaviour each.

mod support;

#[path = "timelines/bodies.rs"]
mod bodies;
#[path = "timelines/deadlines.rs"]
mod deadlines;
#[path = "timelines/ending.rs"]
mod ending;
#[path = "timelines/groups.rs"]
mod groups;
#[path = "timelines/inputs.rs"]
mod inputs;
#[path = "timelines/observe.rs"]
mod observe;
#[path = "timelines/order.rs"]
mod order;
#[path = "timelines/pools.rs"]
mod pools;
#[path = "timelines/requirements.rs"]
mod requirements;
#[path = "timelines/retries.rs"]
mod retries;
#[path = "timelines/services.rs"]
mod services;
#[path = "timelines/stop_order.rs"]
mod stop_order;
#[path = "timelines/window.rs"]
mod window;
