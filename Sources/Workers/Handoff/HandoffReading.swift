package import Kernel

// Reading from the root of a message. Written out for every form, so that its users need not know the room that reads members.

extension WorkAsk {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension WorkOutcome {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension HopTelemetry {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension WorkReport {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension WorkerHello {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension WorkerWelcome {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension LeaseRequest {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension LeaseAnswer {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension AskAnswer {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension ReportRequest {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension ReportAnswer {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension Heartbeat {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension HeartbeatAnswer {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}

extension WorkerBootstrap {
    /// Refuses what is not exactly this form, with the pointer to it.
    package init(json: JSONValue) throws(Refusal) { try self.init(json: json, at: "") }
}
