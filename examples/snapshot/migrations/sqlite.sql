CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    email TEXT NOT NULL,
    balance INTEGER NOT NULL DEFAULT 0 CHECK (balance >= 0),
    nick TEXT UNIQUE,
    UNIQUE (tenant, email)
);
CREATE TABLE transfers (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES accounts (id),
    target INTEGER NOT NULL REFERENCES accounts (id),
    amount INTEGER NOT NULL CHECK (amount > 0)
);
