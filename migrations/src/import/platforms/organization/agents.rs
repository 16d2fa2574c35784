//! Agents and what they use: voices, knowledge, conversation paths, tools.

use super::people::OF;
use crate::import::platforms::common;
use crate::import::step::{Secret, Step};

pub(super) const STEPS: &[Step<'static>] = &[
    Step {
        table: "\"Voice\"",
        columns: "id text, \"organizationId\" text, name text, gender text, description text,
                  avatar text, tags text[], \"isCustom\" boolean, status text, \"audioUrl\" text",
        // Those of the whole platform too: agents speak with them.
        of_tenant: "s.\"organizationId\" = $1 OR s.\"organizationId\" IS NULL",
        key: ("s.id", "text"),
        refuse: &[(
            "status: it is none of READY, PROCESSING, ERROR",
            "coalesce(pg_temp.word(s.status) NOT IN ('ready', 'processing', 'error'), true)",
        )],
        write: "INSERT INTO voices (id, system_voice_id, name, gender, description, avatar, tags,
                       status, audio_url)
                SELECT pg_temp.uid('voices', s.id),
                       CASE WHEN s.\"organizationId\" IS NULL THEN pg_temp.uid('voices', s.id) END,
                       coalesce(s.name, ''), s.gender, s.description, s.avatar,
                       coalesce(s.tags, '{}'), pg_temp.word(s.status)::platform.voice_status,
                       s.\"audioUrl\"
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM voices t JOIN source s ON t.id = pg_temp.uid('voices', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"KnowledgeBase\"",
        columns: "id text, name text, description text, status text, \"createdAt\" timestamptz,
                  \"updatedAt\" timestamptz",
        joined: &[(
            "documents",
            "integer",
            "(SELECT count(*) FROM \"KnowledgeBaseDocument\" d WHERE d.\"knowledgeBaseId\" = s.id)",
        )],
        scratch: "unique_name text",
        of_tenant: OF,
        key: ("s.id", "text"),
        refuse: &[(
            "status: it is none of PROCESSING, READY, ACTIVE, EMPTY",
            "coalesce(pg_temp.word(s.status) NOT IN ('processing', 'ready', 'active', 'empty'), true)",
        )],
        note: &[(
            "more than 100 documents: the limit of this one is what it has",
            "s.documents > 100",
        )],
        before: &[common::unique_names!(
            "knowledge_bases",
            "s.name",
            " AND a.deleted_at IS NULL"
        )],
        write: "INSERT INTO knowledge_bases (id, name, description, status, document_limit,
                       created_at, updated_at)
                SELECT pg_temp.uid('knowledge_bases', s.id), s.unique_name, s.description,
                       pg_temp.word(s.status)::platform.kb_status, greatest(100, s.documents),
                       coalesce(s.\"createdAt\", now()), coalesce(s.\"updatedAt\", now())
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM knowledge_bases t JOIN source s ON t.id = pg_temp.uid('knowledge_bases', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"KnowledgeBaseDocument\"",
        columns: "id text, \"knowledgeBaseId\" text, name text, type text, url text, content text,
                  \"fileSize\" bigint, \"mimeType\" text, status text",
        joins: "JOIN \"KnowledgeBase\" b ON b.id = s.\"knowledgeBaseId\"",
        of_tenant: "b.\"organizationId\" = $1",
        key: ("s.id", "text"),
        refuse: &[
            (
                "type: it is none of FILE, WEBSITE, TEXT",
                "coalesce(pg_temp.word(s.type) NOT IN ('file', 'website', 'text'), true)",
            ),
            (
                "status: it is none of PROCESSING, READY, ERROR",
                "coalesce(pg_temp.word(s.status) NOT IN ('processing', 'ready', 'error'), true)",
            ),
            (
                "knowledgeBaseId: its knowledge base was not imported",
                "NOT EXISTS (SELECT FROM knowledge_bases b
                              WHERE b.id = pg_temp.uid('knowledge_bases', s.\"knowledgeBaseId\"))",
            ),
            (
                "url, content: a text without content, or another without a URL",
                "CASE pg_temp.word(s.type) WHEN 'text' THEN s.content IS NULL ELSE s.url IS NULL END",
            ),
        ],
        write: "INSERT INTO kb_documents (id, knowledge_base_id, name, type, url, content,
                       file_size, mime_type, status)
                SELECT pg_temp.uid('kb_documents', s.id),
                       pg_temp.uid('knowledge_bases', s.\"knowledgeBaseId\"), coalesce(s.name, ''),
                       pg_temp.word(s.type)::platform.document_type, s.url, s.content,
                       s.\"fileSize\", s.\"mimeType\", pg_temp.word(s.status)::platform.document_status
                  FROM source s
                 WHERE NOT EXISTS (SELECT FROM kb_documents d
                                    WHERE d.id = pg_temp.uid('kb_documents', s.id))",
        found: "FROM kb_documents t JOIN source s ON t.id = pg_temp.uid('kb_documents', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"ConversationPath\"",
        columns: "id text, name text, \"useCase\" text, \"agentSpeech\" text, nodes jsonb,
                  edges jsonb, \"createdAt\" timestamptz, \"updatedAt\" timestamptz",
        scratch: "unique_name text, object_name text",
        of_tenant: OF,
        key: ("s.id", "text"),
        before: &[
            common::unique_names!(
                "flows",
                "s.name",
                " AND a.kind = 'conversation' AND a.deleted_at IS NULL"
            ),
            common::object_names!("flows", "s.name"),
        ],
        write: "INSERT INTO flows (id, kind, name, use_case, agent_speech, k8s_name, created_at,
                       updated_at)
                SELECT pg_temp.uid('flows', s.id), 'conversation', s.unique_name, s.\"useCase\",
                       s.\"agentSpeech\", s.object_name, coalesce(s.\"createdAt\", now()),
                       coalesce(s.\"updatedAt\", now())
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        after: &["INSERT INTO flow_versions (id, flow_id, version, status, is_active, graph,
                         published_at)
                  SELECT pg_temp.uid('flow_versions', s.id), pg_temp.uid('flows', s.id), 1,
                         'published', true,
                         jsonb_build_object('nodes', s.nodes, 'edges', s.edges),
                         coalesce(s.\"updatedAt\", now())
                    FROM source s
                   WHERE NOT EXISTS (SELECT FROM flow_versions v
                                      WHERE v.flow_id = pg_temp.uid('flows', s.id))"],
        found: "FROM flows t JOIN source s ON t.id = pg_temp.uid('flows', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"Tool\"",
        columns: "id text, name text, description text, category text, logo text,
                  \"iconBgColor\" text, \"isConnected\" boolean, configuration bytea",
        joined: &[("has_secrets", "boolean", "s.configuration IS NOT NULL")],
        scratch: "unique_name text",
        of_tenant: OF,
        key: ("s.id", "text"),
        secrets: &[Secret::Seal {
            from: "configuration",
            table: "tools",
            column: "credentials_enc",
            id: "id",
        }],
        refuse: &[(
            "configuration: there is no data key to seal it with; give the tenant one and import again",
            "s.has_secrets AND s.configuration IS NULL",
        )],
        before: &[common::unique_names!("tools", "s.name", " AND a.deleted_at IS NULL")],
        write: "INSERT INTO tools (id, name, description, category, logo, icon_bg_color,
                       is_connected, credentials_enc)
                SELECT pg_temp.uid('tools', s.id), s.unique_name, s.description, s.category, s.logo,
                       s.\"iconBgColor\", coalesce(s.\"isConnected\", false), s.configuration
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM tools t JOIN source s ON t.id = pg_temp.uid('tools', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"Agent\"",
        columns: "id text, name text, description text, type text, status text, \"callerType\" text,
                  \"voiceId\" text, \"successRate\" numeric, \"totalCalls\" bigint,
                  configuration jsonb, \"createdAt\" timestamptz, \"updatedAt\" timestamptz",
        joined: &[("e164", "text", "n.\"phoneNumber\"")],
        joins: "LEFT JOIN \"PhoneNumber\" n ON n.id = s.\"phoneNumberId\"",
        scratch: "object_name text",
        of_tenant: OF,
        key: ("s.id", "text"),
        refuse: &[
            (
                "status: it is neither ACTIVE nor INACTIVE",
                "coalesce(pg_temp.word(s.status) NOT IN ('active', 'inactive'), true)",
            ),
            (
                "successRate: it is no number that can be kept",
                "abs(s.\"successRate\") >= 'Infinity'",
            ),
            (
                "callerType: it is neither INBOUND nor OUTBOUND",
                "coalesce(pg_temp.word(s.\"callerType\") NOT IN ('inbound', 'outbound'), true)",
            ),
        ],
        note: &[(
            "successRate: not a share of totalCalls, the nearest one is kept",
            "s.\"successRate\" IS DISTINCT FROM CASE WHEN s.\"totalCalls\" > 0 THEN
               round(100 * round(s.\"successRate\" * s.\"totalCalls\" / 100) / s.\"totalCalls\", 2) END",
        )],
        before: &[common::object_names!("agents", "s.name")],
        write: "INSERT INTO agents (id, name, description, type, status, caller_type,
                       phone_number_id, voice_id, configuration, total_calls, successful_calls,
                       metadata, k8s_name, created_at, updated_at)
                SELECT pg_temp.uid('agents', s.id), coalesce(s.name, ''), s.description, s.type,
                       pg_temp.word(s.status)::platform.agent_status,
                       pg_temp.word(s.\"callerType\")::platform.direction_scope,
                       pg_temp.number(s.e164),
                       (SELECT v.id FROM voices v WHERE v.id = pg_temp.uid('voices', s.\"voiceId\")),
                       coalesce(s.configuration, '{}'), greatest(coalesce(s.\"totalCalls\", 0), 0),
                       greatest(coalesce(round(s.\"successRate\" * s.\"totalCalls\" / 100), 0), 0),
                       pg_temp.noted(NULL, s.source_key), s.object_name,
                       coalesce(s.\"createdAt\", now()), coalesce(s.\"updatedAt\", now())
                  FROM source s
                ON CONFLICT (id) DO NOTHING",
        found: "FROM agents t JOIN source s ON t.id = pg_temp.uid('agents', s.id)",
        ..Step::BLANK
    },
    Step {
        table: "\"AgentKnowledgeBase\"",
        columns: "\"agentId\" text, \"knowledgeBaseId\" text",
        joins: "JOIN \"Agent\" a ON a.id = s.\"agentId\"",
        of_tenant: "a.\"organizationId\" = $1",
        key: ("(s.\"agentId\" || '/' || s.\"knowledgeBaseId\")", "text"),
        write: "INSERT INTO agent_knowledge_bases (agent_id, knowledge_base_id)
                SELECT pg_temp.uid('agents', s.\"agentId\"),
                       pg_temp.uid('knowledge_bases', s.\"knowledgeBaseId\")
                  FROM source s
                ON CONFLICT (agent_id, knowledge_base_id) DO NOTHING",
        found: "FROM agent_knowledge_bases t
                JOIN source s ON t.agent_id = pg_temp.uid('agents', s.\"agentId\")
                 AND t.knowledge_base_id = pg_temp.uid('knowledge_bases', s.\"knowledgeBaseId\")",
        ..Step::BLANK
    },
    Step {
        table: "\"AgentTool\"",
        columns: "\"agentId\" text, \"toolId\" text",
        joins: "JOIN \"Agent\" a ON a.id = s.\"agentId\"",
        of_tenant: "a.\"organizationId\" = $1",
        key: ("(s.\"agentId\" || '/' || s.\"toolId\")", "text"),
        write: "INSERT INTO agent_tools (agent_id, tool_id)
                SELECT pg_temp.uid('agents', s.\"agentId\"), pg_temp.uid('tools', s.\"toolId\")
                  FROM source s
                ON CONFLICT (agent_id, tool_id) DO NOTHING",
        found: "FROM agent_tools t
                JOIN source s ON t.agent_id = pg_temp.uid('agents', s.\"agentId\")
                 AND t.tool_id = pg_temp.uid('tools', s.\"toolId\")",
        ..Step::BLANK
    },
    Step {
        table: "\"AgentConversationPath\"",
        columns: "\"agentId\" text, \"conversationPathId\" text",
        joins: "JOIN \"Agent\" a ON a.id = s.\"agentId\"",
        of_tenant: "a.\"organizationId\" = $1",
        key: ("(s.\"agentId\" || '/' || s.\"conversationPathId\")", "text"),
        write: "INSERT INTO agent_flows (agent_id, flow_id)
                SELECT pg_temp.uid('agents', s.\"agentId\"),
                       pg_temp.uid('flows', s.\"conversationPathId\")
                  FROM source s
                ON CONFLICT (agent_id, flow_id) DO NOTHING",
        found: "FROM agent_flows t
                JOIN source s ON t.agent_id = pg_temp.uid('agents', s.\"agentId\")
                 AND t.flow_id = pg_temp.uid('flows', s.\"conversationPathId\")",
        ..Step::BLANK
    },
];
