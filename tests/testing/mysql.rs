//! The kit for tests, on MySQL.

pub type DB = sqlx::MySql;

pub const URL: &str = "KYSERA_MYSQL_URL";

/// Something of everything that a template has to hand on.
pub const RICH: &str = "
    CREATE TABLE parents (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE, size BIGINT NOT NULL DEFAULT 1,
        double_size BIGINT GENERATED ALWAYS AS (size * 2) STORED, mood ENUM ('calm', 'merry') NOT NULL DEFAULT 'calm', CHECK (size > 0));
    CREATE TABLE children (id BIGINT PRIMARY KEY, parent_id BIGINT NOT NULL, FOREIGN KEY (parent_id) REFERENCES parents (id));
    CREATE FUNCTION starts(text VARCHAR(50)) RETURNS INT DETERMINISTIC RETURN text LIKE 'a%';
    CREATE VIEW names AS SELECT name FROM parents;
    CREATE VIEW a_names AS SELECT name FROM names WHERE starts(name);
    CREATE PROCEDURE twice() BEGIN SELECT 1; SELECT 2; END;
    CREATE TRIGGER grows BEFORE UPDATE ON parents FOR EACH ROW
        BEGIN IF NEW.name <> OLD.name THEN SET NEW.size = NEW.size + 1; END IF; END;
    INSERT INTO parents (name, size) VALUES ('ada', 3), ('bob', 4);
    INSERT INTO children VALUES (1, 1)";

mod cases;
