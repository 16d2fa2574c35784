//! Views of other platforms' databases come and go with the spec.

use callplane_crds::Compatibility;
use callplane_store::compatibility::{self, Platform};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn views_follow_the_list_of_platforms() {
    let world = World::new().await;
    let _operator = world.start();
    let spec = json!({ "namespaces": ["views-ns"], "compatibility": ["irisx", "dukat"] });
    world.put_tenant("views", spec);
    let message = world
        .condition("views", "CompatibilityReady", "True", "ViewsCreated")
        .await;
    assert_eq!(message, "The data can be read as dukat, irisx.");
    let status = world.ready("views").await.status.unwrap();
    assert_eq!(
        status.compatibility,
        [Compatibility::Dukat, Compatibility::Irisx]
    );
    let id = status.tenant_id.unwrap().parse().unwrap();
    let made = compatibility::in_force(&world.database.operator, id)
        .await
        .unwrap();
    assert_eq!(made, [Platform::Dukat, Platform::Irisx].into());

    world.edit_tenant("views", |tenant| tenant.spec.compatibility.clear());
    world
        .condition("views", "CompatibilityReady", "True", "NoViews")
        .await;
    let left = compatibility::in_force(&world.database.operator, id)
        .await
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert!(
        world
            .ready("views")
            .await
            .status
            .unwrap()
            .compatibility
            .is_empty()
    );
}

#[tokio::test]
async fn a_schema_in_the_way_of_views_keeps_no_call_waiting() {
    let world = World::new().await;
    world
        .database
        .superuser("CREATE SCHEMA callplane_hindered__irisx")
        .await
        .unwrap();
    let _operator = world.start();
    let spec = json!({ "namespaces": ["hindered-ns"], "compatibility": ["irisx"] });
    world.put_tenant("hindered", spec);
    let message = world
        .condition("hindered", "CompatibilityReady", "False", "ViewsFailed")
        .await;
    assert_eq!(
        message,
        "the schema callplane_hindered__irisx, where views would go, is not this tenant's; drop or rename it"
    );
    world
        .condition("hindered", "CredentialsReady", "True", "CredentialsIssued")
        .await;
    world
        .condition("hindered", "Ready", "False", "ViewsFailed")
        .await;
}
