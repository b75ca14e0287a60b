//! REST requests and bodies about order groups (protocol page, 3.5). All orders of a group are cancelled when more than its limit
//! trades within 15 seconds, or when it is triggered by request.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::elements::{Element, lenient};
use super::json::Object;
use crate::market::{Count, OrderGroupId};

/// The path to list groups.
pub const GROUPS_PATH: &str = "/trade-api/v2/portfolio/order_groups";
/// The path to create a group.
pub const CREATE_GROUP_PATH: &str = "/trade-api/v2/portfolio/order_groups/create";

/// An element of `GET /portfolio/order_groups`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderGroup {
    pub id: OrderGroupId,
    /// The most contracts that may trade within 15 seconds.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub contracts_limit_fp: Option<Count>,
    /// Whether it is triggered and accepts no orders, if it says so.
    #[serde(default, deserialize_with = "lenient")]
    pub is_auto_cancel_enabled: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
}

impl Element for OrderGroup {
    const LIST: &'static str = "order_groups";
    const WHAT: &'static str = "order group";
}

/// The response to `POST /portfolio/order_groups/create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedGroup {
    pub order_group_id: OrderGroupId,
}

/// Appends the body that creates a group.
pub fn write_create_group(buffer: &mut Vec<u8>, limit: Count, exchange_index: u8) {
    let mut body = Object::begin(buffer);
    body.quoted("contracts_limit_fp", |text| limit.write_to(text));
    body.integer("exchange_index", exchange_index);
    body.end();
}

/// Appends the body that changes a group's limit.
pub fn write_limit_group(buffer: &mut Vec<u8>, limit: Count) {
    let mut body = Object::begin(buffer);
    body.quoted("contracts_limit_fp", |text| limit.write_to(text));
    body.end();
}

/// Sets the path and query of a change (`reset`, `trigger` or `limit`). Group requests are not routed, so
/// it names the shard.
pub fn set_group_path(path: &mut String, group: OrderGroupId, change: &str, exchange_index: u8) {
    path.clear();
    write!(path, "{GROUPS_PATH}/{group}/{change}?exchange_index={exchange_index}")
        .expect("writing to a String cannot fail");
}

/// Sets the path and query that delete a group together with its orders.
pub fn set_delete_group_path(path: &mut String, group: OrderGroupId, exchange_index: u8) {
    path.clear();
    write!(path, "{GROUPS_PATH}/{group}?exchange_index={exchange_index}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::elements::read_page;

    #[test]
    fn bodies_and_paths_are_as_the_exchange_reads_them() {
        let mut buffer = Vec::new();
        write_create_group(&mut buffer, Count::parse("300.00").unwrap(), 2);
        assert_eq!(buffer, br#"{"contracts_limit_fp":"300.00","exchange_index":2}"#);
        buffer.clear();
        write_limit_group(&mut buffer, Count::parse("1.00").unwrap());
        assert_eq!(buffer, br#"{"contracts_limit_fp":"1.00"}"#);
        let mut path = String::from("before");
        let group = OrderGroupId::from_bits(7);
        set_group_path(&mut path, group, "trigger", 3);
        assert_eq!(path, format!("/trade-api/v2/portfolio/order_groups/{group}/trigger?exchange_index=3"));
        set_delete_group_path(&mut path, group, 3);
        assert_eq!(path, format!("/trade-api/v2/portfolio/order_groups/{group}?exchange_index=3"));
    }

    #[test]
    fn optional_fields_of_a_listing_may_be_missing() {
        let id = "00000000-0000-0000-0000-000000000007";
        let text = format!(
            r#"{{"order_groups":[{{"id":"{id}","is_auto_cancel_enabled":true}},{{"id":"none"}},{{"id":"{id}","is_auto_cancel_enabled":"new"}}]}}"#
        );
        let page = read_page::<OrderGroup>(text.as_bytes()).unwrap();
        let groups: Vec<_> = page.elements.iter().map(|group| (group.id, group.is_auto_cancel_enabled)).collect();
        assert_eq!(groups, [(OrderGroupId::from_bits(7), Some(true)), (OrderGroupId::from_bits(7), None)]);
        assert!(page.elements.iter().all(|group| group.exchange_index == 0 && group.contracts_limit_fp.is_none()));
        assert_eq!(page.unusable[0].place, 2);
    }
}
