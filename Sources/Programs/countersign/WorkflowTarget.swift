import ArgumentParser
import Showcase

/// One tenant and one workflow.
struct WorkflowTarget: ParsableArguments {
    @Argument(help: "The workflow's name.")
    var name: String

    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
    var tenant: String

    @OptionGroup var server: ServerOptions

    func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }

    /// Of what there is once for each workflow.
    func path(below kind: String) -> String { "\(kind)/\(name)" }
}
