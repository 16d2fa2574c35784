//! What a status says: the types of conditions and the reasons.
//!
//! The words are those of `kstatus` (Ready, Reconciling, Stalled), so that `kubectl wait`, Flux and
//! Argo CD understand them, and of the Gateway API (Accepted, ResolvedRefs, Programmed).

use strum::IntoStaticStr;

/// The types of conditions. Each kind uses those that make sense for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
pub enum ConditionType {
    /// The object does what its spec says. The one to wait for.
    Ready,
    /// Work is under way; present only while it is.
    Reconciling,
    /// No progress without a change by somebody; present only while that is so.
    Stalled,
    /// The spec is valid in itself and no other object has the better claim.
    Accepted,
    /// Every object that the spec names exists and can be used.
    ResolvedRefs,
    /// The media nodes have, or will read at the next call, what this generation says.
    Programmed,
    /// Tenant: every namespace of the spec carries the label of this tenant.
    NamespacesBound,
    /// Tenant: the database schema exists and is migrated to this operator's version.
    SchemaReady,
    /// Tenant: the login role and its Secret agree.
    CredentialsReady,
    /// Tenant: the dedicated MediaPool is available.
    MediaReady,
    /// Tenant: the views of the platforms in `spec.compatibility` are there, and no others.
    CompatibilityReady,
    /// Provider: its endpoint answered the operator, and takes the key.
    Reachable,
    /// KnowledgeBase: every document can be searched.
    DocumentsReady,
    /// MediaPool: at least one pod takes calls.
    Available,
    /// MediaPool: pods are being started, replaced or drained.
    Progressing,
}

impl ConditionType {
    /// The word in the `type` field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a condition has its status. The sentence in `message` names the object and the field; the
/// comments here say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
pub enum Reason {
    // Everything is as it should be.
    /// Nothing to do.
    Ready,
    /// Nothing to do: the spec is valid.
    Accepted,
    /// Nothing to do: every reference was found.
    ResolvedRefs,
    /// Nothing to do: the media nodes have it.
    Programmed,
    /// Nothing to do: the namespaces carry the label.
    NamespacesBound,
    /// Nothing to do: the schema is at the version of this operator.
    SchemaMigrated,
    /// Nothing to do: role and Secret agree.
    CredentialsIssued,
    /// Nothing to do: the pods of the pool take calls.
    PodsReady,
    /// Nothing to do, unless calls should be possible: then set `spec.media.dedicated`.
    NoDedicatedMedia,
    /// Nothing to do: the endpoint answers.
    Reachable,
    /// Nothing to do: agents find what is in the documents.
    DocumentsRead,
    /// Nothing to do: the views of the platforms are those of this operator.
    ViewsCreated,
    /// Nothing to do, unless another platform's views are needed: then set `spec.compatibility`.
    NoViews,

    // Wait.
    /// Wait: the operator is working on it. When it lasts, look at the operator's log.
    Progressing,
    /// Wait: another object has to become ready first; the message names it.
    WaitingForDependency,
    /// Wait: documents are being read. When it lasts, look whether `callplane-worker` runs, and at its log.
    DocumentsProcessing,
    /// Wait: pods are starting. `kubectl describe pod` says why one does not.
    PodsStarting,
    /// Wait: the schema lacks a migration of this operator's version and gets it in its turn. Calls go
    /// on meanwhile.
    MigrationQueued,
    /// Wait: pods that are to go still carry calls. `kubectl callplane drain` shows them.
    Draining,
    /// Wait: the database did not answer and is asked again. When it lasts, check the database and
    /// the operator's Secret.
    DatabaseUnavailable,
    /// Look at the operator's log: the database refused a change, which is a mistake of Callplane.
    DatabaseRefused,
    /// Wait: the API server did not answer or refused; it is asked again. When it lasts, check the
    /// operator's ClusterRole.
    ApiServerUnavailable,

    // Change this object.
    /// Change the field that the message names.
    Invalid,
    /// Correct the graph: the message names the node, what is wrong and how to repair it.
    FlowInvalid,
    /// Choose another number, or ask the platform team who holds it.
    NumberConflict,
    /// Remove the namespace from this Tenant or from the other one that has it.
    NamespaceConflict,
    /// Choose another `spec.database.schema`: a schema of this name belongs to somebody else.
    SchemaConflict,
    /// Wait until the deleted object of the same name is gone, or use another name.
    NameConflict,
    /// Raise the quota in the Tenant, or delete what is not needed.
    QuotaExceeded,
    /// Set the annotation `callplane.dev/confirm-delete` to the name of the Tenant, a slash and the
    /// date, or change `deletionPolicy` to Retain.
    ConfirmationMissing,

    /// Set the annotation `callplane.dev/adopt-data` to the id that the message names, to take the
    /// data that a deleted Tenant of this name left; or use another name.
    DataRetained,
    /// Set `spec.plan` to a plan that exists.
    PlanNotFound,

    // Create or repair another object.
    /// Create the namespace that the message names.
    NamespaceMissing,
    /// Ask the platform team to add this namespace to a Tenant.
    TenantMissing,
    /// Create the Agent that the message names, in the same namespace.
    AgentNotFound,
    /// Create the Flow that the message names, in the same namespace.
    FlowNotFound,
    /// Create the Trunk that the message names, in the same namespace.
    TrunkNotFound,
    /// Create the Provider that the message names, in the same namespace.
    ProviderNotFound,
    /// Create the KnowledgeBase that the message names, in the same namespace.
    KnowledgeBaseNotFound,
    /// Put a key that the endpoint takes into the Secret that the message names.
    AuthFailed,
    /// Look at the message: it says how the endpoint did not answer. It is asked again every minute.
    Unreachable,
    /// Create the PhoneNumber that the message names, in the same namespace.
    PhoneNumberNotFound,
    /// Create the Secret that the message names, with the keys it names.
    SecretNotFound,
    /// Create the ConfigMap that the message names, with the file it names.
    ConfigMapNotFound,
    /// Look at `status.failed`: it says of each document what to do.
    DocumentsFailed,
    /// Repair the object that the message names: it exists, but its own conditions say why it
    /// cannot be used.
    DependencyNotReady,
    /// Look at the log of the pod that the message names.
    PodsFailing,
    /// Look at the message: the key that wraps the tenant's data keys cannot be used. Restore its Secret,
    /// or let the operator into Vault.
    KeyUnavailable,
    /// Look at the message: a migration of the schema failed and is tried again.
    MigrationFailed,
    /// Look at the message: it names a schema that is not the tenant's, or what the database did not
    /// allow. Somebody's own object in a schema of views keeps it from being removed.
    ViewsFailed,

    // States that somebody asked for.
    /// Set `spec.state` to Active to allow calls again.
    Suspended,
}

impl Reason {
    /// The word in the `reason` field, in events and in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
