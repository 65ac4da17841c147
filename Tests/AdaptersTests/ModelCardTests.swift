import Adapters
import Foundation
import Storage
import TestSupport
import Testing

@Suite("Model card") struct ModelCardTests {
    private static func adapter(base: String?, revision: String? = nil) -> PEFTAdapter {
        let configuration = LoRAConfiguration(rank: 2, alpha: 4, dropout: 0, targets: [.query])
        let schema = AdapterSchema.lora(
            configuration: configuration,
            projections: [LoRAProjection(layer: 0, target: .query, inputSize: 4, outputSize: 4)])
        return PEFTAdapter(
            configuration: configuration, schema: schema, values: [Float](repeating: 0.5, count: schema.count),
            baseModel: base, revision: revision)
    }

    private let card = ModelCard(
        facts: [("Rounds", "20"), ("Pipe", "a|b\nc")], metrics: [.init(name: "loss", value: "1.5", support: "9 tokens")]
    )

    private func written(_ adapter: PEFTAdapter) throws -> String {
        let folder = try TemporaryFolder()
        try card.write(of: adapter, to: folder.url.path)
        return try String(contentsOfFile: folder.path("README.md"), encoding: .utf8)
    }

    @Test("The front matter is what PEFT writes, and the facts are a table")
    func frontMatter() throws {
        let text = try written(Self.adapter(base: "org/model", revision: "v1"))
        let front = text.components(separatedBy: "---\n")[1].split(separator: "\n").map(String.init)
        #expect(
            front == [
                "base_model: \"org/model\"", "library_name: peft", "pipeline_tag: text-generation", "tags:",
                "- \"base_model:adapter:org/model\"", "- federated-learning", "- lora", "- murmuration",
                "- transformers",
            ])
        #expect(text.contains("| Rounds | 20 |") && text.contains("| Pipe | a\\|bc |"))
        #expect(text.contains("| loss | 1.5 | 9 tokens |") && text.contains("| Revision of the base model | v1 |"))
        #expect(text.contains("from_pretrained(\"org/model\", revision=\"v1\")"))
    }

    @Test("A built-in base is on no hub; what a name holds does not end the front matter")
    func names() throws {
        let builtIn = try written(Self.adapter(base: "builtin:fledgling"))
        #expect(!builtIn.contains("base_model:") && builtIn.contains("# A LoRA adapter of builtin:fledgling"))
        let odd = try written(Self.adapter(base: "a\"\n---\nlicense: x"))
        #expect(odd.contains("base_model: \"a\\\"---license: x\""))
    }

    @Test("What is measured later comes into the table, once, and a card that somebody wrote stays")
    func laterMetrics() throws {
        let folder = try TemporaryFolder()
        func text() throws -> String { try String(contentsOfFile: folder.path("README.md"), encoding: .utf8) }
        for metrics in [card.metrics, []] {
            var first = card
            first.metrics = metrics
            try first.write(of: Self.adapter(base: "a"), to: folder.url.path)
            for value in ["2", "3"] {
                try ModelCard.add([.init(name: "other", value: value, support: "7|8")], toCardIn: folder.url.path)
            }
            var whole = card
            whole.metrics = metrics + [.init(name: "other", value: "3", support: "7|8")]
            #expect(try text() == whole.text(of: Self.adapter(base: "a")))
        }
        try folder.write("# Mine\n| metric | value | on |", to: "README.md")
        try ModelCard.add(card.metrics, toCardIn: folder.url.path)
        #expect(try text() == "# Mine\n| metric | value | on |")
        #expect(throws: FileError.self) { try ModelCard.add(card.metrics, toCardIn: folder.path("none")) }
    }

    @Test("A card that somebody wrote stays, one of ours is written anew")
    func overwriting() throws {
        let folder = try TemporaryFolder()
        try folder.write("# Mine\n", to: "README.md")
        try card.write(of: Self.adapter(base: "a"), to: folder.url.path)
        #expect(try String(contentsOfFile: folder.path("README.md"), encoding: .utf8) == "# Mine\n")
        let other = try TemporaryFolder()
        try card.write(of: Self.adapter(base: "a"), to: other.url.path)
        try card.write(of: Self.adapter(base: "b"), to: other.url.path)
        #expect(try String(contentsOfFile: other.path("README.md"), encoding: .utf8).contains("base_model: \"b\""))
    }

    @Test("The base's revision is read back, and paths are not kept")
    func configuration() throws {
        let folder = try TemporaryFolder()
        let adapter = Self.adapter(base: "org/model", revision: "abc")
        try PEFTDirectory.write(adapter, to: folder.path("a"))
        #expect(try PEFTDirectory.read(folder.path("a")) == adapter)
        let text = try String(contentsOfFile: folder.path("a/adapter_config.json"), encoding: .utf8)
        #expect(text.contains("\"revision\": \"abc\"") && text.contains("\"peft_version\": \"0."))
        for (path, name) in [
            ("/models/of/ada/tiny", "tiny"), ("./tiny", "tiny"), ("a/b/c", "c"), ("C:\\models\\tiny", "tiny"),
            ("org/model", "org/model"), ("builtin:fledgling", "builtin:fledgling"), ("tiny", "tiny"),
        ] {
            var adapter = Self.adapter(base: path)
            adapter.hidePath()
            #expect(adapter.baseModel == name)
        }
    }
}
