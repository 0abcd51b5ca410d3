//! JSON Lines (DESIGN, records).
