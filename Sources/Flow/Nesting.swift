package import Kernel
package import Records
internal import Workflows

/// Runs inside one another, as pages and answers show them.
package struct Nesting: Sendable {
    package static let childrenMax = 200

    /// The run around, and the step of it that waits; nil for a run that stands by itself.
    package let parent: (run: RunID, step: String)?
    /// What its steps ran, in the order in which they began.
    package let children: [(run: RunID, workflow: String, step: String)]

    /// As `parent` and `children`, where there are any.
    package func add(to body: inout JSONObject) {
        if let parent { body["parent"] = ["run": JSONValue(parent.run), "step": .string(parent.step)] }
        let inside = children.map { child -> JSONValue in
            ["run": JSONValue(child.run), "workflow": .string(child.workflow), "step": .string(child.step)]
        }
        if !inside.isEmpty { body["children"] = .array(inside) }
    }
}

extension Looking {
    package func nesting(of run: RunRow) async throws -> Nesting {
        let lines = try await history(run.tenant, run: run.id, type: "run.child-started", limit: Nesting.childrenMax)
        // A state that does not read is told where the run is held; its parent cannot be told then.
        let parent = (try? RunState(json: run.state))?.parent
        return Nesting(
            parent: parent.map { (run: $0.run, step: String($0.key.prefix { $0 != "#" })) },
            children: lines.compactMap { line in
                line.data["run"]?.string.flatMap { RunID($0) }.map { child in
                    (run: child, workflow: line.data["workflow"]?.string ?? "", step: line.step)
                }
            })
    }
}
