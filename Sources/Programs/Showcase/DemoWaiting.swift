internal import Kernel

extension TenantAPI {
    /// The run that a document has become.
    package func started(_ document: SubmittedDocument, seconds: Int64) async throws -> RunView {
        try await Patience.wait(seconds: seconds, for: "the run of a document") {
            let row = try await self.document(document.id)
            if let run = row["run"]?.string {
                do {
                    return RunView(try await self.run(run))
                } catch let problem as ServerProblem where problem.status == 404 {
                    // The document names its run a moment before the run's first line is written.
                    return nil
                }
            }
            guard row["state"]?.string != "unreadable" else {
                throw Fault("reading the document", row["reason"]?.string ?? "it cannot be read", isRetryable: false)
            }
            return nil
        }
    }

    /// The run that a request for a payment has started.
    package func started(_ asked: AskedPayment, seconds: Int64) async throws -> RunView {
        try await Patience.wait(seconds: seconds, for: "the run of a payment") { () -> RunView? in
            do {
                return RunView(try await self.run(asked.run))
            } catch let problem as ServerProblem where problem.status == 404 {
                // It is asked for a moment before the run's first line is written.
                return nil
            }
        }
    }

    /// The open request of a run.
    package func request(_ kind: String, of run: RunView, seconds: Int64) async throws -> RequestView {
        try await Patience.wait(seconds: seconds, for: "\(kind) of \(run.subject)") {
            let now = RunView(try await self.run(run.id))
            guard !now.isFinal else {
                throw Fault("waiting for \(run.subject)", "it ended as \(now.outcome ?? now.phase)", isRetryable: false)
            }
            return try await items(kind).map(RequestView.init).first { $0.run == run.id }
        }
    }

    package func ended(_ run: RunView, seconds: Int64) async throws -> RunView {
        try await Patience.wait(seconds: seconds, for: "the end of \(run.subject)") {
            let now = RunView(try await self.run(run.id))
            return now.isFinal ? now : nil
        }
    }
}
