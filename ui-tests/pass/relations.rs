//! Relations to entities in other places, under other names.

use kysera::prelude::*;

mod blog {
    use kysera::prelude::*;

    pub mod posts {
        use kysera::prelude::*;

        #[derive(Repository)]
        #[kysera(columns = Columns, has_many(replies = Self::REPLY_TO), has_many(again = Columns::REPLY_TO))]
        pub struct Post {
            #[kysera(id)]
            pub id: i64,
            #[kysera(belongs_to(author_ = super::super::User::ID), belongs_to(writer = crate::User::ID))]
            pub author: Option<i64>,
            #[kysera(belongs_to(parent = Columns::ID))]
            pub reply_to: Option<i64>,
        }

        impl Post {
            pub const REPLY_TO: kysera::Column<Post, Option<i64>> = Columns::REPLY_TO;
        }
    }

    #[derive(Repository)]
    pub struct Link {
        #[kysera(id)]
        #[kysera(belongs_to(user = crate::User::ID))]
        pub r#in: i64,
        #[kysera(id)]
        pub r#out: i64,
    }
}

type Alias = blog::Link;

#[derive(Repository)]
#[kysera(has_many(r#type = blog::posts::Columns::AUTHOR_ID_OF, key = r#match))]
#[kysera(has_one(first = blog::posts::Columns::AUTHOR_ID_OF))]
#[kysera(has_many(friends = Self::ID, through(Alias::IN, Alias::OUT)))]
pub struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(unique)]
    r#match: i64,
}

impl blog::posts::Columns {
    const AUTHOR_ID_OF: kysera::Column<blog::posts::Post, Option<i64>> = Self::AUTHOR_OF;
    const AUTHOR_OF: kysera::Column<blog::posts::Post, Option<i64>> = Self::REPLY_TO;
}

async fn loads(db: Db<Sqlite>) -> kysera::Result<()> {
    let users = User::repo(&db);
    let rows: Vec<(User, (Vec<blog::posts::Post>, Option<blog::posts::Post>, Vec<User>))> =
        users.find().with((User::TYPE, User::FIRST, User::FRIENDS)).all().await?;
    let _: Vec<(blog::posts::Post, Option<User>, User)> = blog::posts::Post::repo(&db)
        .find()
        .left_join(blog::posts::Columns::AUTHOR_)
        .join(blog::posts::Columns::WRITER)
        .all()
        .await?;
    drop(rows);
    Ok(())
}

fn spawned(db: Db<Sqlite>) -> impl Future<Output = kysera::Result<()>> + Send {
    loads(db)
}

fn main() {}
