#[kysera::plugin(audit)]
fn user() {}

fn main() {}
