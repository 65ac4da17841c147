import InstructionTuning
import Storage
import TestSupport
import Testing

@Suite("Prompt templates") struct PromptTemplateTests {
    @Test("Alpaca's prompt is letter for letter that of the adapters in the wild")
    func alpaca() throws {
        let template = try PromptTemplate.named("alpaca")
        let first =
            "Below is an instruction that describes a task, paired with an input that provides further context. "
            + "Write a response that appropriately completes the request."
        #expect(
            template.filled(instruction: "Sort.", context: "b a")
                == first + "\n\n### Instruction:\nSort.\n\n### Input:\nb a\n\n### Response:\n")
        let second =
            "Below is an instruction that describes a task. "
            + "Write a response that appropriately completes the request."
        #expect(template.filled(instruction: "Sing.") == second + "\n\n### Instruction:\nSing.\n\n### Response:\n")
        #expect(template.responseMarker == "### Response:")
    }

    @Test("Alpaca's first prompt has no line break at its end; Vigogne's is in French")
    func relatives() throws {
        let (alpaca, legacy) = (try PromptTemplate.named("alpaca"), try PromptTemplate.named("alpaca-legacy"))
        for context in ["", "c"] {
            let text = alpaca.filled(instruction: "i", context: context)
            #expect(text == legacy.filled(instruction: "i", context: context) + "\n")
        }
        let vigogne = try PromptTemplate.named("vigogne")
        let task = "Ci-dessous se trouve une instruction qui décrit une tâche"
        let demand = "Écrivez une réponse qui complète correctement la demande.\n\n### Instruction:\ni\n\n"
        #expect(vigogne.filled(instruction: "i") == "\(task). \(demand)### Réponse:\n")
        let input = ", associée à une entrée qui fournit un contexte supplémentaire. "
        #expect(
            vigogne.filled(instruction: "i", context: "c") == task + input + demand + "### Entrée:\nc\n\n### Réponse:\n"
        )
        #expect(vigogne.responseMarker == "### Réponse:")
    }

    @Test("The short prompts")
    func short() throws {
        let short = try PromptTemplate.named("alpaca-short")
        #expect(
            short.filled(instruction: "i", context: "c") == "### Instruction:\ni\n\n### Input:\nc\n\n### Response:\n")
        #expect(short.filled(instruction: "i") == "### Instruction:\ni\n\n### Response:\n")
        let terse = try PromptTemplate.named("terse")
        #expect(terse.filled(instruction: "i", context: "c").contains("c"))
        #expect(!terse.filled(instruction: "i").contains("Given"))
        for name in PromptTemplate.names { #expect(try PromptTemplate.named(name).name == name) }
    }

    @Test("Braces in an instruction are text")
    func noInjection() throws {
        let text = try PromptTemplate.named("alpaca-short").filled(instruction: "{input} {{", context: "{instruction}")
        #expect(text == "### Instruction:\n{input} {{\n\n### Input:\n{instruction}\n\n### Response:\n")
    }

    @Test("A template file is read as Shepherd's are")
    func file() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"description":"d","prompt_input":"{{{instruction}}}|{input}|{instruction}","prompt_no_input":"{instruction}:","response_split":":"}"#,
            to: "t.json")
        let template = try PromptTemplate.named(folder.path("t.json"))
        #expect(template.filled(instruction: "i", context: "c") == "{i}|c|i")
        #expect(template.filled(instruction: "i") == "i:")
        #expect(template.summary == "d" && template.responseMarker == ":")
    }

    @Test(
        "A template that lacks a place or has a wrong one is refused",
        arguments: [
            ("{input}", "{instruction}"), ("{instruction}", "{instruction}"), ("{instruction}{input}", "none"),
            ("{instruction}{input}", "{instruction}{input}"), ("{instruction}{input}{x}", "{instruction}"),
            ("{instruction}{input", "{instruction}"), ("{instruction}{input}}", "{instruction}"),
            ("{instruction}{input}", "{ instruction }"),
        ])
    func refused(withContext: String, withoutContext: String) throws {
        let error = #expect(throws: PromptTemplateError.self) {
            _ = try PromptTemplate(name: "t", withContext: withContext, withoutContext: withoutContext)
        }
        #expect("\(try #require(error))".contains("prompt_"))
    }

    @Test("Missing files, fields and names are told")
    func errors() throws {
        #expect(throws: PromptTemplateError.unknownName("x", known: PromptTemplate.names)) {
            _ = try PromptTemplate.named("x")
        }
        #expect(throws: PromptTemplateError.file(.notFound(path: "./x"))) { _ = try PromptTemplate.named("./x") }
        for text in ["[]", "{", #"{"prompt_input":"{instruction}{input}"}"#, #"{"prompt_input":1}"#] {
            #expect(throws: PromptTemplateError.self) { _ = try PromptTemplate.parse(Array(text.utf8), path: "t.json") }
        }
    }
}
