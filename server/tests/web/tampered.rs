//! A database, changed or looked at behind a server's back.

use sqlx::{AnyConnection, Connection, Row};

fn wait<T>(work: impl Future<Output = T>) -> T {
    sqlx::any::install_default_drivers();
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// Runs statements one after another.
pub fn execute(url: &str, statements: &[&str]) {
    wait(async {
        let mut connection = AnyConnection::connect(url).await.unwrap();
        for statement in statements {
            sqlx::query(sqlx::AssertSqlSafe((*statement).to_owned()))
                .execute(&mut connection)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.close().await.unwrap();
    });
}

/// The one number that a query gives.
pub fn number(url: &str, query: &str) -> i64 {
    wait(async {
        let mut connection = AnyConnection::connect(url).await.unwrap();
        let row = sqlx::query(sqlx::AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        row.try_get(0).unwrap()
    })
}
