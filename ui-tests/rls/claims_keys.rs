use kysera::Claims;

#[derive(Claims)]
#[kysera(prefx = "my")]
struct Unknown {
    #[kysera(seting = "app.id")]
    id: i64,
    #[kysera(prefix = "my")]
    other: i64,
}

#[derive(Claims)]
#[kysera(prefix = "my.app")]
struct Dotted {
    #[kysera(setting = "tenant")]
    tenant_id: i64,
    #[kysera(setting = "app.1st")]
    first: i64,
    #[kysera(setting = 3)]
    third: i64,
    #[kysera(skip, setting = "app.fourth")]
    fourth: i64,
}

#[derive(Claims)]
struct Twice {
    tenant_id: i64,
    #[kysera(setting = "App.tenant_id")]
    tenant: i64,
    TENANT: i64,
}

fn main() {
    let _ = (Dotted::TENANT_ID, Twice::TENANT);
}
