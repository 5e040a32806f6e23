import Expressions
import Kernel
import Policies

/// Documents of plain Serverless Workflow 1.0, as far as they say what this profile can do. Their steps are read by the same
/// parser into the same steps, so that one machine runs both.
extension DefinitionParser {
    mutating func parsePlain(_ reader: AssetReader) -> WorkflowDefinition? {
        flow = .document
        reader.close(["document", "input", "use", "do", "timeout", "output", "evaluate"], issues: &issues)
        guard let document = AssetReader(reader.object["document"] ?? .null, at: "/document", "document", issues: &issues) else {
            return nil
        }
        document.close(["dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"], issues: &issues)
        let dsl = document.text("dsl", issues: &issues)
        if let dsl, !dsl.hasPrefix("1.0.") {
            issues.append(
                AssetIssue(
                    document.path("dsl"), "The language `\(dsl.prefix(20))` is not known here.", remedy: "Write it in 1.0.3."))
        }
        _ = document.text("namespace", issues: &issues)
        let name = document.text("name", issues: &issues)
        let version = document.text("version", issues: &issues)
        let title = document.optionalText("title", issues: &issues)
        language(reader)
        uses(reader)
        let output = plainMember("output", of: reader)
        let input = plainMember("input", of: reader)
        guard parseSteps(reader, title: title ?? name ?? "") else { return nil }
        nodes[0].inputFrom = input
        guard let name, let version else { return nil }
        return definition(
            name: name, version: version, title: title ?? name, outcomes: [WorkflowDefinition.plainOutcome], outcome: nil,
            output: output, chain: [], duties: nil)
    }

    /// The standard asks for jq; this product has one language only.
    private mutating func language(_ reader: AssetReader) {
        guard let json = reader.object["evaluate"],
            let evaluate = AssetReader(json, at: "/evaluate", "evaluation", issues: &issues)
        else { return }
        evaluate.close(["language", "mode"], issues: &issues)
        if let language = evaluate.optionalText("language", issues: &issues), language != "cel" {
            issues.append(
                AssetIssue(
                    evaluate.path("language"), "Expressions are in CEL here, not in `\(language.prefix(20))`.",
                    remedy: "Rewrite them in CEL and say `language: cel`."))
        }
        if let mode = evaluate.optionalText("mode", issues: &issues), mode != "strict" {
            issues.append(
                AssetIssue(
                    evaluate.path("mode"), "An expression that fails must not become a text.", remedy: "Write `mode: strict`."))
        }
    }

    private mutating func uses(_ reader: AssetReader) {
        guard let json = reader.object["use"], let use = AssetReader(json, at: "/use", "use", issues: &issues) else { return }
        use.close(["errors", "retries", "timeouts"], issues: &issues)
        func table(_ name: String) -> JSONObject {
            guard let json = use.object[name] else { return [:] }
            return AssetReader(json, at: use.path(name), "table", issues: &issues)?.object ?? [:]
        }
        namedErrors = table("errors")
        namedRetries = table("retries")
        namedTimeouts = table("timeouts")
    }

    /// `input: {from: …}` and `output: {as: …}` of the whole document; both work on `data`.
    private mutating func plainMember(_ name: String, of reader: AssetReader) -> Template? {
        guard let json = reader.object[name], let inner = AssetReader(json, at: "/\(name)", name, issues: &issues) else {
            return nil
        }
        let member = name == "input" ? "from" : "as"
        inner.close([member], issues: &issues)
        return mapping(member, of: inner)
    }

    /// What a step of the document flow does with what it is given and gives.
    mutating func documentMembers(_ task: AssetReader, _ id: Int) {
        if let json = task.object["input"], let input = AssetReader(json, at: task.path("input"), "input", issues: &issues) {
            input.close(["from"], issues: &issues)
            nodes[id].inputFrom = mapping("from", of: input)
        }
        if let json = task.object["export"], let export = AssetReader(json, at: task.path("export"), "export", issues: &issues) {
            export.close(["as"], issues: &issues)
            nodes[id].exportAs = mapping("as", of: export, in: outputScope)
        }
    }
}

extension WorkflowDefinition {
    /// The one outcome of a document of plain Serverless Workflow.
    package static let plainOutcome = "completed"
}
