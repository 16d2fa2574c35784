-- The organization platform, as Prisma lays out the models of its document; words of enums are text here,
-- so that there can be others. Models that the document only plans are left out.
CREATE TABLE "Organization" ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "slug" TEXT UNIQUE NOT NULL, "plan" TEXT, "credits" DOUBLE PRECISION,
  "createdAt" TIMESTAMP(3), "updatedAt" TIMESTAMP(3));
CREATE TABLE "User" ("id" TEXT PRIMARY KEY, "email" TEXT UNIQUE, "firstName" TEXT, "lastName" TEXT, "phone" TEXT, "timeZone" TEXT, "password" TEXT, "avatar" TEXT,
  "role" TEXT, "status" TEXT, "twoFactorEnabled" BOOLEAN, "twoFactorSecret" TEXT, "createdAt" TIMESTAMP(3), "updatedAt" TIMESTAMP(3));
CREATE TABLE "UserOrganization" ("userId" TEXT REFERENCES "User", "organizationId" TEXT REFERENCES "Organization", "role" TEXT, PRIMARY KEY ("userId", "organizationId"));
CREATE TABLE "PhoneNumber" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "label" TEXT, "phoneNumber" TEXT UNIQUE, "inboundStatus" TEXT, "outboundStatus" TEXT);
CREATE TABLE "Voice" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "name" TEXT, "gender" TEXT, "description" TEXT, "avatar" TEXT, "tags" TEXT[],
  "isCustom" BOOLEAN, "status" TEXT, "audioUrl" TEXT);
CREATE TABLE "Agent" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "name" TEXT, "description" TEXT, "type" TEXT, "status" TEXT, "callerType" TEXT,
  "phoneNumberId" TEXT REFERENCES "PhoneNumber", "voiceId" TEXT REFERENCES "Voice", "successRate" DOUBLE PRECISION, "totalCalls" INTEGER, "configuration" JSONB,
  "createdAt" TIMESTAMP(3), "updatedAt" TIMESTAMP(3));
CREATE TABLE "KnowledgeBase" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "name" TEXT, "description" TEXT, "fileCount" INTEGER, "websiteCount" INTEGER,
  "textCount" INTEGER, "status" TEXT, "createdAt" TIMESTAMP(3), "updatedAt" TIMESTAMP(3));
CREATE TABLE "KnowledgeBaseDocument" ("id" TEXT PRIMARY KEY, "knowledgeBaseId" TEXT REFERENCES "KnowledgeBase", "name" TEXT, "type" TEXT, "url" TEXT, "content" TEXT,
  "fileSize" INTEGER, "mimeType" TEXT, "status" TEXT);
CREATE TABLE "ConversationPath" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "name" TEXT, "useCase" TEXT, "agentSpeech" TEXT, "nodes" JSONB, "edges" JSONB);
CREATE TABLE "Tool" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "name" TEXT, "description" TEXT, "category" TEXT, "logo" TEXT, "iconBgColor" TEXT,
  "isConnected" BOOLEAN, "configuration" JSONB);
CREATE TABLE "Event" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "name" TEXT, "description" TEXT, "isEnabled" BOOLEAN, "agentId" TEXT REFERENCES "Agent",
  "webhookUrl" TEXT, "triggerCount" INTEGER);
CREATE TABLE "ApiKey" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "userId" TEXT REFERENCES "User", "name" TEXT, "key" TEXT UNIQUE,
  "expirationDate" TIMESTAMP(3), "status" TEXT);
CREATE TABLE "AgentKnowledgeBase" ("agentId" TEXT REFERENCES "Agent", "knowledgeBaseId" TEXT REFERENCES "KnowledgeBase", PRIMARY KEY ("agentId", "knowledgeBaseId"));
CREATE TABLE "AgentTool" ("agentId" TEXT REFERENCES "Agent", "toolId" TEXT REFERENCES "Tool", PRIMARY KEY ("agentId", "toolId"));
CREATE TABLE "AgentConversationPath" ("agentId" TEXT REFERENCES "Agent", "conversationPathId" TEXT REFERENCES "ConversationPath", PRIMARY KEY ("agentId", "conversationPathId"));
CREATE TABLE "Campaign" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "batchName" TEXT, "status" TEXT, "progress" DOUBLE PRECISION, "totalCalls" INTEGER,
  "completedCalls" INTEGER, "agentId" TEXT REFERENCES "Agent", "conversationPathId" TEXT REFERENCES "ConversationPath", "firstSentence" TEXT, "taskPrompt" TEXT,
  "postCallSummary" TEXT, "startDate" DATE, "startTime" TEXT, "callStartTime" TEXT, "callEndTime" TEXT, "createdAt" TIMESTAMP(3), "updatedAt" TIMESTAMP(3));
CREATE TABLE "CampaignRecipient" ("id" TEXT PRIMARY KEY, "campaignId" TEXT REFERENCES "Campaign", "name" TEXT, "phoneNumber" TEXT, "notes" TEXT, "status" TEXT);
CREATE TABLE "CallLog" ("id" TEXT PRIMARY KEY, "organizationId" TEXT REFERENCES "Organization", "callType" TEXT, "agentId" TEXT REFERENCES "Agent", "campaignId" TEXT REFERENCES "Campaign",
  "callId" TEXT UNIQUE, "customer" TEXT, "phoneNumber" TEXT, "timestamp" TIMESTAMP(3), "duration" INTEGER, "status" TEXT, "transcript" TEXT, "recordingUrl" TEXT, "metadata" JSONB);
