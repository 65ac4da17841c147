import Basics
import Cryptography
import Faults
import Foundation
import InstructionTuning
import LanguageModel
import MurmurKit
import Recording
import Storage
import SwarmFile

@testable import Adapters

extension FuzzTarget {
    /// A target whose bytes come from files; `samples` are texts to begin with.
    private static func file(
        _ name: String, _ samples: [String], run: @escaping @Sendable ([UInt8]) -> Void
    ) -> FuzzTarget {
        FuzzTarget(name: name, isFromNetwork: false, seeds: { samples.map { Array($0.utf8) } }, run: run)
    }

    /// A recording of local steps: a head and entries with right check words around what is made up.
    static let recording = FuzzTarget(name: "recording", isFromNetwork: false) {
        let schema = AdapterSchema(tensors: [.init(name: "a", rows: 1, columns: 2)])
        let recording = TrainingRecording(
            peer: "peer-0", sampleCount: 3, baseModelDigest: Array(repeating: 1, count: 32), schema: schema)
        let entry = TrainingRecording.Entry(
            round: 1, start: 2, values: [1, 2], change: [3, 4], loss: 1, tokens: 2, records: 3, duration: .seconds(1))
        let (head, body) = (recording.head.dropLast(8), TrainingRecording.encoded(entry).dropLast(8))
        return [[UInt8(head.count), 0] + head + [UInt8(body.count), 0] + body]
    } run: { input in
        _ = try? TrainingRecording(encoded: input)
        var cutter = Cutter(input)
        var bytes: [UInt8] = []
        while !cutter.isEmpty { bytes += TrainingRecording.sealed(cutter.part(cutter.short())) }
        guard let recording = try? TrainingRecording(encoded: bytes) else { return }
        precondition(recording.encoded.count == recording.encodedByteCount, "the length is known")
        precondition(bytes.starts(with: recording.encoded), "a recording is written as it was read")
    }

    /// What a trainer's process writes: a line each.
    static let trainerReply = file(
        "trainer-reply",
        [
            #"{"type":"ready","protocol":1,"name":"mine","samples":40}"#,
            #"{"type":"step","id":3,"number":7,"loss":2.5,"gradient_norm":0.25}"#,
            #"{"type":"trained","id":3,"records":8}"#, #"{"type":"evaluated","id":4,"loss":1e-3,"tokens":12}"#,
            #"{"type":"error","id":null,"message":"out of memory\n"}"#, #"{"type":"alive"}"#,
        ]
    ) { input in
        for line in input.split(separator: UInt8(ascii: "\n")) {
            guard let reply = try? TrainerReply(line: Array(line)) else { continue }
            if case .error(_, let message) = reply {
                precondition(message.count <= 501, "a stranger's words are bounded")
                precondition(!message.contains { $0.isNewline }, "and on one line")
            }
            if case .step(_, let number, let loss, _) = reply { precondition(number >= 0 && loss.isFinite) }
        }
    }

    /// Weights: header, and every tensor's values.
    static let safetensors = FuzzTarget(name: "safetensors", isFromNetwork: false) {
        let header =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
            + #""b":{"dtype":"BF16","shape":[1,3],"data_offsets":[16,22]}}"#
        let bytes = Array(header.utf8)
        return [[UInt8(bytes.count), 0, 0, 0, 0, 0, 0, 0] + bytes + Array(repeating: 1, count: 22)]
    } run: { input in
        guard let file = try? SafetensorsFile(bytes: input) else { return }
        for tensor in file.tensors {
            _ = tensor.shape.count
            _ = try? file.floats(named: String(decoding: tensor.name, as: UTF8.self))
        }
    }

    /// A GGUF file: header, and every tensor's values.
    static let gguf = FuzzTarget(name: "gguf", isFromNetwork: false) {
        var bytes = Array("GGUF".utf8)
        func append(_ text: String) {
            bytes.append(integer: UInt64(text.utf8.count))
            bytes += Array(text.utf8)
        }
        bytes.append(integer: UInt32(3))
        bytes.append(integer: UInt64(1))
        bytes.append(integer: UInt64(2))
        append("general.architecture")
        bytes.append(integer: UInt32(8))
        append("llama")
        append("tokens")
        bytes.append(integer: UInt32(9))
        bytes.append(integer: UInt32(8))
        bytes.append(integer: UInt64(2))
        append("a")
        append("b")
        append("w")
        bytes.append(integer: UInt32(2))
        bytes.append(integer: UInt64(32))
        bytes.append(integer: UInt64(2))
        bytes.append(integer: UInt32(2))
        bytes.append(integer: UInt64(0))
        while !bytes.count.isMultiple(of: 32) { bytes.append(0) }
        return [bytes + [UInt8](repeating: 7, count: 36)]
    } run: { input in
        guard let header = try? GGUFHeader(prefix: input, fileSize: input.count, file: "f.gguf") else { return }
        for key in header.keys { precondition(header[key] != nil, "every key has a value") }
        for entry in header.entries {
            var floats: [Float] = []
            entry.type.decode(Array(input[entry.range]).span, into: &floats)
            precondition(floats.count == entry.count, "a tensor has the values of its shape")
        }
    }

    /// A model's `config.json`.
    static let config = file(
        "config",
        [
            """
            {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":64,"intermediate_size":128,
            "num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":300,"rms_norm_eps":1e-5,
            "rope_theta":10000.0,"max_position_embeddings":256,"tie_word_embeddings":true,"hidden_act":"silu",
            "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
            "original_max_position_embeddings":128},"eos_token_id":[2,3],"head_dim":16,"bos_token_id":1}
            """,
            #"{"model_type":"qwen3","hidden_size":64,"rope_scaling":{"type":"linear","factor":2},"use_sliding_window":false}"#,
        ]
    ) { input in
        guard let json = try? JSONValue.parse(input) else { return }
        _ = try? ModelConfiguration(json: json, file: "config.json")
    }

    /// `tokenizer.json`, and a text through what it gives.
    static let tokenizer = file(
        "tokenizer",
        [
            """
            {"version":"1.0","added_tokens":[{"id":5,"content":"<s>","special":true,"single_word":false,"lstrip":false,
            "rstrip":false,"normalized":false}],"normalizer":null,"pre_tokenizer":{"type":"ByteLevel",
            "add_prefix_space":false,"trim_offsets":true,"use_regex":true},"post_processor":{"type":"TemplateProcessing",
            "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],
            "special_tokens":{"<s>":{"id":"<s>","ids":[5],"tokens":["<s>"]}}},"decoder":{"type":"ByteLevel"},
            "model":{"type":"BPE","dropout":null,"unk_token":null,"fuse_unk":false,"byte_fallback":false,
            "vocab":{"a":0,"b":1,"ab":2,"Ġ":3,"Ġab":4},"merges":["a b",["Ġ","ab"]]}}
            """
        ]
    ) { input in
        guard let tokenizer = try? Tokenizer(json: input) else { return }
        let tokens = tokenizer.encode("ab <s>a  b\u{e9}", addSpecialTokens: true)
        _ = tokenizer.decode(tokens)
    }

    /// Instructions, as JSON Lines, a JSON array or a table, packed or not, and what their conversations come to.
    static let records = file(
        "records",
        [
            #"{"instruction":"Say a","context":"","response":"a","category":"x"}"# + "\n"
                + #"{"instruction":"Say b","input":"now","output":"b \u00e9\ud83d\ude00"}"#,
            #"[{"instruction":"i","instances":[{"input":"a","output":"b"}]},{"instruction":"c","output":"d"}]"#,
            #"{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"u"},{"from":"gpt","value":"a"}]}"#
                + "\n"
                + #"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":0}]}"#,
            "instruction,context,response\n\"a \"\"b\"\"\nc\",,r\ni,\"k, l\",\n",
        ]
    ) { input in
        for policy in [BadRecordPolicy.refuse, .skip] {
            for path in ["records.jsonl", "records.csv", "records.tsv"] {
                guard let set = try? InstructionDataset.parse(input, path: path, onBadRecord: policy) else { continue }
                for record in set.records.prefix(4) where !record.history.isEmpty {
                    let again = try? InstructionDataset.parse(record.json.encoded(), path: "again.jsonl")
                    precondition(again?.records == [record], "a record that is written reads back as it was")
                    _ = PromptTemplate.chatML.filled(record)
                }
            }
        }
    }

    /// PEFT's `adapter_config.json`.
    static let peft = file(
        "peft",
        [
            """
            {"peft_type":"LORA","r":8,"lora_alpha":16,"lora_dropout":0.05,"target_modules":["q_proj","v_proj"],"bias":"none",
            "use_rslora":true,"rank_pattern":{"layers.0.self_attn.q_proj":4},"alpha_pattern":{"^v_proj":2.5},
            "task_type":"CAUSAL_LM","base_model_name_or_path":"x","fan_in_fan_out":false,"modules_to_save":null}
            """,
            #"{"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":"all-linear"}"#,
        ]
    ) { input in
        guard let json = try? JSONValue.parse(input) else { return }
        _ = try? PEFTDirectory.configuration(from: json, file: "adapter_config.json")
    }

    /// Topology files; one may name a file of edges, which is the same bytes again.
    static let topology = file(
        "topology",
        [
            """
            murmuration: 1
            swarm: { name: demo, seed: 42 }
            model: { base: builtin:fledgling, lora: { rank: 8, alpha: 16, dropout: 0.05, targets: [q_proj, v_proj] } }
            tuning: { template: alpaca, cutoff: 64, batch: 4, learning-rate: 3e-4, local-steps: 2, rounds: 3 }
            data: { source: builtin:chores, partition: { scheme: dirichlet, alpha: 0.5, minimum: 4 }, held-out: 10 }
            exchange: { staleness: 2, consensus-bound: 1e-3 }
            graph: { kind: torus }
            peers: { count: 9, host: 127.0.0.1, first-port: 9100 }
            """,
            """
            murmuration: 1
            swarm: { name: x, seed: 1 }
            model: { base: m }
            data: { source: d.jsonl }
            peers:
              - { name: a, address: "[::1]:99", neighbours: [b] }
              - { name: b, address: "h:1" }
            """,
        ]
    ) { input in
        guard input.count <= 4096 else { return }
        let text = String(decoding: input, as: UTF8.self)
        guard let topology = try? SwarmTopology.parse(text, file: "topology.yaml", include: { _ in text }) else {
            return
        }
        if topology.peers.count <= 64 { _ = try? topology.swarmGraph() }
    }

    /// Fault files.
    static let faults = file(
        "faults",
        [
            """
            murmuration-faults: 1
            name: all
            healing: 30s
            network: { delay: 5ms, loss: 5%, reorder: 10%, duplicate: 1%, corrupt: 1% }
            peers:
              - { peers: peer-1, start: 5s, fault: crash, restart: 1s, disk: torn }
              - { peers: [peer-2], fault: clock-step, by: 24h }
            """
        ]
    ) { input in
        guard input.count <= 4096 else { return }
        _ = try? FaultSchedule.parse(String(decoding: input, as: UTF8.self), file: "faults.yaml")
    }

    /// Prompt templates.
    static let template = file(
        "template",
        [
            #"{"description":"d","prompt_input":"{instruction} {input}:","prompt_no_input":"{instruction}:","response_split":":"}"#
        ]
    ) { input in
        _ = try? PromptTemplate.parse(input, path: "template.json")
    }

    /// Key files, and the texts that identities and addresses are written as.
    static let identity = file(
        "identity",
        [
            "murmuration identity 1\nsigning \(String(repeating: "0a", count: 32))\nexchange \(String(repeating: "0b", count: 32))\n",
            "127.0.0.1:9000", "[::1]:65535",
        ]
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        _ = try? IdentityKeys(text: text)
        _ = NetworkAddress(text)
        _ = PeerID(text)
    }
}

extension FuzzTarget {
    /// What an endpoint answers to a judge's request, and the verdict in it.
    static let verdict = FuzzTarget(name: "verdict", isFromNetwork: true) {
        let body = #"{"model":"j","choices":[{"finish_reason":"stop","message":{"content":"Right.\nScores: 7 4.5"}}]}"#
        let object = #"{"model":"j","choices":[{"message":{"content":"{\"reason\":\"a\",\"first\":7,\"second\":4}"}}]}"#
        return [
            body, "**Scores: 10, 1**", "Scores: 7 4\nScores: 1 1", object, #"{"reason":"a","first":7.5,"second":10}"#,
        ].map { Array($0.utf8) }
    } run: { input in
        let content = JudgeReply(body: input)?.content ?? String(decoding: input, as: UTF8.self)
        precondition(JudgeReply.complaint(in: input).count <= 300, "a complaint is short")
        for form in [VerdictForm.line, .json] {
            guard let verdict = try? JudgeVerdict(reply: content, form: form) else { continue }
            let scores = [verdict.first, verdict.second]
            precondition(scores.allSatisfy { (1...10).contains($0) }, "scores are from 1 to 10")
        }
    }
}
