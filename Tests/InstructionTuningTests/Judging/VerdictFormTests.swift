import InstructionTuning
import Storage
import Testing

@Suite struct VerdictFormTests {
    /// Word for word: endpoints are particular about it.
    @Test func theRequestsFormatIsTheEndpoints() throws {
        func schema(_ limit: String) -> String {
            let score = #"{"type":"integer","enum":[1,2,3,4,5,6,7,8,9,10]}"#
            return #"{"type":"object","properties":{"reason":{"type":"string"\#(limit)},"#
                + #""first":\#(score),"second":\#(score)},"required":["reason","first","second"],"additionalProperties":false}"#
        }
        func format(_ form: VerdictForm) -> String? {
            form.responseFormat.map { String(decoding: $0.encoded(), as: UTF8.self) }
        }
        #expect(format(.line) == nil)
        #expect(
            format(.json)
                == #"{"type":"json_schema","json_schema":{"name":"verdict","strict":true,"schema":\#(schema(""))}}"#)
        #expect(format(.jsonObject) == #"{"type":"json_object","schema":\#(schema(#","maxLength":400"#))}"#)
    }

    /// OpenAI's rules of the strict form: all members are required, no others are allowed.
    @Test(arguments: [VerdictForm.json, .jsonObject]) func theSchemaIsStrict(form: VerdictForm) throws {
        let format = try #require(form.responseFormat)
        let schema = try #require(format["schema"] ?? format["json_schema"]?["schema"])
        let required = schema["required"]?.array?.compactMap(\.bytes)
        #expect(schema["properties"]?.object?.keys == required && schema["additionalProperties"]?.bool == false)
    }

    /// Whoever is told of another way is told of one that there is.
    @Test func theWayOutIsAChoice() throws {
        #expect(VerdictForm.line.wayOut == nil)
        for form in [VerdictForm.json, .jsonObject] {
            let words = try #require(form.wayOut).matches(of: /--verdicts ([a-z-]+)/)
            let named = words.map { VerdictForm(rawValue: "\($0.1)") }
            #expect(named.count == 2 && !named.contains(nil) && !named.contains(form))
        }
    }
}
