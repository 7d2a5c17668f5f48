//! Checks values against the part of JSON Schema that `docs/events.schema.json` uses. A keyword that it does
//! not know is a failure, so that nothing in the schema goes unchecked.

use serde_json::Value;

/// What is wrong with `value`, if anything is.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let rules = schema.as_object().expect("a schema is an object");
    rules.iter().try_for_each(|(keyword, rule)| keyword_holds(keyword, rule, schema, value))
}

fn keyword_holds(keyword: &str, rule: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let must = |holds: bool| if holds { Ok(()) } else { Err(format!("{keyword} {rule} fails for {value}")) };
    match keyword {
        "$schema" | "title" | "description" => Ok(()),
        "type" => must(names(rule).any(|name| is(name, value))),
        "const" => must(rule == value),
        "enum" => must(array(rule).contains(value)),
        "minimum" => must(value.as_f64() >= rule.as_f64()),
        "maximum" => must(value.as_f64() <= rule.as_f64()),
        "required" => must(names(rule).all(|name| value.get(name).is_some())),
        "properties" => fields(rule)
            .filter_map(|(name, schema)| Some((name, schema, value.get(name)?)))
            .try_for_each(|(name, schema, value)| check(schema, value).map_err(|e| format!("{name}: {e}"))),
        "additionalProperties" => {
            assert_eq!(rule, false, "no other use of it is known here");
            let known = &schema["properties"];
            must(fields(value).all(|(name, _)| known.get(name).is_some()))
        }
        "items" => value.as_array().into_iter().flatten().try_for_each(|item| check(rule, item)),
        "minItems" => must(value.as_array().is_none_or(|all| Some(all.len() as u64) >= rule.as_u64())),
        "maxItems" => must(value.as_array().is_none_or(|all| Some(all.len() as u64) <= rule.as_u64())),
        "oneOf" => one_of(array(rule), value),
        _ => panic!("the keyword {keyword} is unknown here"),
    }
}

fn one_of(schemas: &[Value], value: &Value) -> Result<(), String> {
    let outcomes: Vec<_> = schemas.iter().map(|schema| check(schema, value)).collect();
    match outcomes.iter().filter(|outcome| outcome.is_ok()).count() {
        1 => Ok(()),
        0 => {
            // Of the kind that it says it is, the complaint is the one worth reading.
            let same = |s: &&Value| s["properties"]["event"]["const"] == value["event"];
            let complaints = schemas.iter().filter(same).filter_map(|s| check(s, value).err());
            Err(format!("no schema fits {value}: {:?}", complaints.collect::<Vec<_>>()))
        }
        several => Err(format!("{several} schemas fit {value}")),
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        _ => panic!("the type {name} is unknown"),
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// A name, or the names in a list.
fn names(rule: &Value) -> impl Iterator<Item = &str> {
    rule.as_str().into_iter().chain(array(rule).iter().filter_map(Value::as_str))
}
