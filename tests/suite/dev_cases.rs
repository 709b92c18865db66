#[path = "cases/plugins_entities.rs"]
mod plugins_entities;
#[path = "cases/plugins_hidden.rs"]
mod plugins_hidden;
#[path = "cases/plugins_soft_delete.rs"]
mod plugins_soft_delete;
#[path = "cases/plugins_cascade.rs"]
mod plugins_cascade;
#[path = "cases/plugins_upsert.rs"]
mod plugins_upsert;
#[path = "cases/plugins_times.rs"]
mod plugins_times;
#[path = "cases/plugins_marks.rs"]
mod plugins_marks;
#[path = "cases/plugins_version.rs"]
mod plugins_version;
