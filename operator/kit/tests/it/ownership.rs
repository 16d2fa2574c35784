//! What belongs to somebody else is not touched.

use callplane_kit::apply::{self, Applied};
use callplane_kit::fake::{ApiServer, Fault, Outcome};
use callplane_kit::{delete, finalizer};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ObjectMeta;

use crate::widget::{Widget, widget};

fn map(value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some("m".to_owned()),
            namespace: Some("n".to_owned()),
            ..ObjectMeta::default()
        },
        data: Some([("k".to_owned(), value.to_owned())].into()),
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn an_object_of_another_owner_is_neither_changed_nor_deleted() {
    let server = ApiServer::new();
    let (mine, theirs) = (
        server.put(&widget("mine", 1)),
        server.put(&widget("theirs", 1)),
    );
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "n");
    let (me, them) = (
        apply::owner_reference(&mine).unwrap(),
        apply::owner_reference(&theirs).unwrap(),
    );
    apply::owned(&api, "test", &them, None, map("theirs"))
        .await
        .unwrap();

    let refused = apply::owned(&api, "test", &me, None, map("mine"))
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ConfigMap n/m exists and belongs to something else; delete or rename it"
    );
    let live: ConfigMap = server.get(Some("n"), "m").unwrap();
    assert!(delete::owned(&api, &live, &me.uid).await.is_err());
    assert_eq!(live.data, map("theirs").data);
    assert!(delete::owned(&api, &live, &them.uid).await.unwrap());
    assert_eq!(server.get::<ConfigMap>(Some("n"), "m"), None);
}

#[tokio::test]
async fn an_object_that_was_replaced_since_is_not_deleted() {
    let server = ApiServer::new();
    let owner = server.put(&widget("mine", 1));
    let me = apply::owner_reference(&owner).unwrap();
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "n");
    let Applied::Written(old) = apply::owned(&api, "test", &me, None, map("old"))
        .await
        .unwrap()
    else {
        panic!("nothing was written");
    };
    server.delete::<ConfigMap>(Some("n"), "m");
    server.put(&map("new"));
    assert!(!delete::owned(&api, &old, &me.uid).await.unwrap());
    assert!(server.get::<ConfigMap>(Some("n"), "m").is_some());
}

#[tokio::test]
async fn a_field_that_is_no_longer_wanted_goes_and_one_of_others_stays() {
    let server = ApiServer::new();
    let owner = server.put(&widget("mine", 1));
    let me = apply::owner_reference(&owner).unwrap();
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "n");
    let mut two = map("1");
    two.data
        .as_mut()
        .unwrap()
        .insert("l".to_owned(), "2".to_owned());
    apply::owned(&api, "test", &me, None, two).await.unwrap();
    let mut live: ConfigMap = server.get(Some("n"), "m").unwrap();
    live.metadata.labels = Some([("team".to_owned(), "voice".to_owned())].into());
    let live = server.put(&live);

    let applied = apply::owned(&api, "test", &me, Some(&live), map("1"))
        .await
        .unwrap();
    assert!(applied.is_written());
    let live: ConfigMap = server.get(Some("n"), "m").unwrap();
    assert_eq!(live.data, map("1").data);
    assert_eq!(live.metadata.labels.as_ref().unwrap()["team"], "voice");
    let again = apply::owned(&api, "test", &me, Some(&live), map("1"))
        .await
        .unwrap();
    assert!(!again.is_written());
}

#[tokio::test]
async fn a_finalizer_holds_a_deletion_until_it_is_removed() {
    let server = ApiServer::new();
    let api: Api<Widget> = Api::namespaced(server.client(), "n");
    let object = server.put(&widget("a", 1));
    assert!(
        finalizer::ensure(&api, &object, "callplane.dev/test")
            .await
            .unwrap()
    );
    let object: Widget = server.get(Some("n"), "a").unwrap();
    assert!(
        !finalizer::ensure(&api, &object, "callplane.dev/test")
            .await
            .unwrap()
    );

    server.delete::<Widget>(Some("n"), "a");
    let object: Widget = server.get(Some("n"), "a").unwrap();
    assert!(object.metadata.deletion_timestamp.is_some());
    server.inject(Fault::new("patch", "widgets", Outcome::Status(409)).times(1));
    assert!(
        finalizer::remove(&api, &object, "callplane.dev/test")
            .await
            .is_err()
    );
    assert!(
        finalizer::remove(&api, &object, "callplane.dev/test")
            .await
            .unwrap()
    );
    assert_eq!(server.get::<Widget>(Some("n"), "a"), None);
}
