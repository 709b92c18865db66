//! The two tables of the tour, as structs.

use kysera::backend::Dialect;
use kysera::prelude::*;

/// A time zone. The derive makes `NewZone`, `ZonePatch`, `ZoneRepository`, `Zone::repo` and a constant per column.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "kysera_tour_zones")]
pub(crate) struct Zone {
    #[kysera(id)] // the database makes it
    pub(crate) id: i64,
    #[kysera(unique)]
    pub(crate) name: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) comment: Option<String>,
    #[kysera(default)] // the database has a default, so `NewZone` may leave it out
    pub(crate) visits: i32,
}

/// A country that overlaps a zone: a key of two columns, both the client's.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "kysera_tour_countries")]
pub(crate) struct Country {
    #[kysera(id)]
    pub(crate) zone_id: i64,
    #[kysera(id)]
    pub(crate) code: String,
}

/// Makes the tables. kysera has no opinion on how that is done; a service would use migrations.
pub(crate) fn tables(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "CREATE TABLE kysera_tour_zones (
                 id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 name TEXT NOT NULL UNIQUE,
                 latitude DOUBLE PRECISION NOT NULL CHECK (latitude BETWEEN -90 AND 90),
                 longitude DOUBLE PRECISION NOT NULL,
                 comment TEXT,
                 visits INTEGER NOT NULL DEFAULT 0);
             CREATE TABLE kysera_tour_countries (
                 zone_id BIGINT NOT NULL REFERENCES kysera_tour_zones (id),
                 code TEXT NOT NULL,
                 PRIMARY KEY (zone_id, code))"
        }
        Dialect::MySql => {
            "CREATE TABLE kysera_tour_zones (
                 id BIGINT AUTO_INCREMENT PRIMARY KEY,
                 name VARCHAR(100) NOT NULL UNIQUE,
                 latitude DOUBLE NOT NULL CHECK (latitude BETWEEN -90 AND 90),
                 longitude DOUBLE NOT NULL,
                 comment VARCHAR(200),
                 visits INTEGER NOT NULL DEFAULT 0) CHARACTER SET utf8mb4;
             CREATE TABLE kysera_tour_countries (
                 zone_id BIGINT NOT NULL,
                 code CHAR(2) NOT NULL,
                 PRIMARY KEY (zone_id, code),
                 FOREIGN KEY (zone_id) REFERENCES kysera_tour_zones (id))"
        }
        _ => {
            "CREATE TABLE kysera_tour_zones (
                 id INTEGER PRIMARY KEY,
                 name TEXT NOT NULL UNIQUE,
                 latitude REAL NOT NULL CHECK (latitude BETWEEN -90 AND 90),
                 longitude REAL NOT NULL,
                 comment TEXT,
                 visits INTEGER NOT NULL DEFAULT 0);
             CREATE TABLE kysera_tour_countries (
                 zone_id INTEGER NOT NULL REFERENCES kysera_tour_zones (id),
                 code TEXT NOT NULL,
                 PRIMARY KEY (zone_id, code))"
        }
    }
}

/// Drops the tables of an earlier tour that ended early, or of this one.
pub(crate) const DROP: &str =
    "DROP TABLE IF EXISTS kysera_tour_countries; DROP TABLE IF EXISTS kysera_tour_zones";
