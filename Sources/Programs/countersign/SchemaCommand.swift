import ArgumentParser
import Assets
import Kernel

/// `countersign schema`: writes the JSON Schemas that editors use.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Write the JSON Schemas of all configuration documents.",
        discussion: "Exit codes: 0 written; 2 the folder cannot be written.")

    @Option(help: "The folder to write into; it is made when it does not exist.")
    var out: String

    func run() throws {
        try InputFile.makeFolder(out)
        for schema in SchemaBuilder.all() {
            try InputFile.write("\(out)/\(schema.file)", SchemaBuilder.fileBytes(schema.json))
            Terminal.print("\(out)/\(schema.file)")
        }
    }
}
