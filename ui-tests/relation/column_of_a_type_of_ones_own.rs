use kysera::prelude::*;

#[derive(Debug, Clone, Copy, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum Status {
    Open,
    Paid,
}

#[derive(Debug, Repository)]
struct Order {
    #[kysera(id)]
    id: i64,
    status: Status,
}

#[derive(Debug, Repository)]
struct Line {
    #[kysera(id)]
    id: i64,
    #[kysera(belongs_to(order = Order::ID))]
    order_id: i64,
}

fn main() {
    let _ = Line::ORDER.get(Order::STATUS);
}
