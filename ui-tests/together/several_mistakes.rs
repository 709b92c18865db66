use kysera::prelude::*;

#[derive(Repository)]
#[kysera(tabel = "users", rename_all = "Camel", backend(Postgre))]
#[kysera::plugin(audits)]
struct User {
    #[kysera(id, skip)]
    id: i64,
    #[kysera(uniqe)]
    email: String,
    #[kysera(default = 3)]
    role: i32,
    #[kysera(assigned)]
    name: String,
}

fn main() {
    let _ = NewUser { email: "x".into(), role: None, name: "y".into() };
    let _ = UserPatch::new().email("x").role(1).name("y");
    let _ = User::EMAIL.eq("x") & User::ROLE.eq(1);
}
