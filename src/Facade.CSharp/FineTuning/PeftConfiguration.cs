using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace MappingNets;

/// <summary>
/// What adapter_config.json says about a LoRA adapter of PEFT, the library of Hugging Face: rank and alpha, for all modules or by patterns.
/// A field that changes what the adapter computes and is not read here is refused; others, newer ones too, are not looked at.
/// </summary>
internal sealed class PeftConfiguration
{
    /// <summary>Fields that change what is computed, unless they are false, null or empty.</summary>
    private static readonly string[] Refused =
    [
        "use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "alora_invocation_tokens", "megatron_config", "layer_replication",
        "trainable_token_indices", "target_parameters", "arrow_config",
    ];

    /// <summary>Ways to start that leave the base as it is.</summary>
    private static readonly string[] PlainStarts = ["gaussian", "eva", "orthogonal"];

    /// <summary>Fields that decide what the factors are multiplied by.</summary>
    private static readonly string[] Scaling = ["r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern"];

    /// <summary>The most patterns of a field, above the matrices of large mixtures of experts: each is made ready and held against each module's name.</summary>
    private const int MostPatterns = 10_000;

    private readonly string path;
    private readonly JsonObject json;
    private readonly Dictionary<string, (Lazy<Regex> Pattern, JsonNode? Value)[]> patterns = new(StringComparer.Ordinal);

    private PeftConfiguration(string path, JsonObject json) => (this.path, this.json) = (path, json);

    /// <summary>Reads the bytes of a file.</summary>
    /// <exception cref="CheckpointFormatException">It is none, or of another method than LoRA, or changes what this library does not know.</exception>
    public static PeftConfiguration Read(string path, byte[] bytes)
    {
        if (AdapterFolder.ParseConfiguration(path, bytes) is not JsonObject json)
            throw new CheckpointFormatException(path, "is no object.");
        var configuration = new PeftConfiguration(path, json);
        var method = configuration.Text("peft_type") ?? throw configuration.Fault("has no peft_type, so it is no adapter of PEFT");
        if (method != "LORA")
            throw configuration.Fault($"is an adapter of PEFT's method '{MessageText.Of(method)}'; only 'LORA' is read");
        if (Refused.FirstOrDefault(field => !IsOff(json[field])) is { } field)
            throw configuration.Fault($"uses '{field}', which is not read");
        if (json["init_lora_weights"] is JsonValue start && start.TryGetValue<string>(out var way) && !PlainStarts.Contains(way))
            throw configuration.Fault($"starts with '{MessageText.Of(way)}' (init_lora_weights), which changes the base's weights as well");
        return configuration;
    }

    /// <summary>SHA-256 over the fields that decide what the factors are multiplied by, hexadecimal: all others may be edited.</summary>
    public string ScalesHash => HashOf(json);

    /// <summary><see cref="ScalesHash"/> of a new file.</summary>
    /// <param name="configuration">The file's content.</param>
    public static string HashOf(JsonObject configuration) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', Scaling.Select(field => Canonical(configuration[field]))))));

    /// <summary>What a module's product B A is multiplied by: alpha / r, or alpha / sqrt(r) where the adapter says so.</summary>
    /// <param name="module">The module, such as "layer1.0.conv1".</param>
    /// <param name="rank">The rank that its tensors have.</param>
    /// <exception cref="CheckpointFormatException">The configuration gives it another rank, or no usable number.</exception>
    public double Scale(string module, long rank)
    {
        var stated = Of("rank_pattern", module) ?? Number("r") ?? throw Fault("has no rank r");
        if (stated != rank)
            throw Fault(FormattableString.Invariant($"gives '{MessageText.Of(module)}' the rank {stated}; its tensors have {rank}"));
        var alpha = Of("alpha_pattern", module) ?? Number("lora_alpha") ?? 8;
        var scale = alpha / (IsOff(json["use_rslora"]) ? rank : Math.Sqrt(rank));
        return double.IsFinite(scale) && scale != 0 ? scale : throw Fault(FormattableString.Invariant($"scales '{MessageText.Of(module)}' by {scale}"));
    }

    /// <summary>The text of a new file.</summary>
    /// <param name="modules">The modules with their ranks.</param>
    /// <param name="all">All modules of the network, for whose names a plain name could be taken.</param>
    /// <param name="saved">The modules that are stored whole.</param>
    /// <param name="strength">What B A is multiplied by.</param>
    public static JsonObject Of(
        IReadOnlyList<(string Name, int Rank)> modules, IReadOnlyList<string> all, IReadOnlyList<string> saved, double strength)
    {
        var rank = modules.GroupBy(module => module.Rank).MaxBy(group => group.Count())!.Key;
        var others = modules.Where(module => module.Rank != rank).ToArray();
        if (others.Length > MostPatterns)
            throw new InvalidOperationException(
                $"The adapter could not be loaded and is not written: {others.Length} modules have other ranks than most; at most {MostPatterns} may.");
        // PEFT takes a name for every module that ends with it, and a text for a pattern of the whole name.
        var isClear = modules.All(module => all.All(other => !other.EndsWith("." + module.Name, StringComparison.Ordinal)));
        return new()
        {
            ["peft_type"] = "LORA",
            ["task_type"] = null,
            ["base_model_name_or_path"] = null,
            ["inference_mode"] = true,
            ["r"] = rank,
            ["lora_alpha"] = strength * rank,
            ["lora_dropout"] = 0.0,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["init_lora_weights"] = true,
            ["use_rslora"] = false,
            ["use_dora"] = false,
            ["target_modules"] = isClear
                ? new JsonArray([.. modules.Select(module => JsonValue.Create(module.Name))])
                : JsonValue.Create("(" + string.Join('|', modules.Select(module => Regex.Escape(module.Name))) + ")"),
            ["modules_to_save"] = saved.Count == 0 ? null : new JsonArray([.. saved.Select(name => JsonValue.Create(name))]),
            ["rank_pattern"] = Patterns(others, module => module.Rank),
            ["alpha_pattern"] = Patterns(others, module => strength * module.Rank),
        };
    }

    private static JsonObject Patterns((string Name, int Rank)[] modules, Func<(string Name, int Rank), double> value) =>
        new(modules.Select(module => KeyValuePair.Create("^" + Regex.Escape(module.Name), (JsonNode?)JsonValue.Create(value(module)))));

    // Other programs sort the fields, and write numbers in their own way.
    private static string Canonical(JsonNode? value) => value switch
    {
        null => "null",
        JsonObject fields => "{" + string.Join(',', fields.OrderBy(field => field.Key, StringComparer.Ordinal)
            .Select(field => JsonValue.Create(field.Key).ToJsonString() + ":" + Canonical(field.Value))) + "}",
        JsonValue when value.GetValueKind() == JsonValueKind.Number =>
            double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
        _ => value.ToJsonString(),
    };

    private static bool IsOff(JsonNode? value) => value switch
    {
        null => true,
        JsonArray array => array.Count == 0,
        JsonObject fields => fields.Count == 0,
        _ => value.GetValueKind() == JsonValueKind.False,
    };

    // The first pattern that is the end of the module's name, from a dot on; PEFT takes them as regular expressions.
    private double? Of(string field, string module)
    {
        if (!patterns.TryGetValue(field, out var ready))
            patterns[field] = ready = Ready(field);
        return Array.Find(ready, each => each.Pattern.Value.IsMatch(module)) is ({ }, var value) ? NumberOf(value, field) : null;
    }

    // Each is made when it is first looked at: behind one that fits may stand one that cannot be read.
    private (Lazy<Regex> Pattern, JsonNode? Value)[] Ready(string field) => json[field] switch
    {
        null => [],
        JsonObject { Count: > MostPatterns and var count } =>
            throw Fault(FormattableString.Invariant($"has {count} patterns in '{field}'; at most {MostPatterns} are read")),
        JsonObject fields => [.. fields.Select(pair => (new Lazy<Regex>(() => Expression(pair.Key)), pair.Value))],
        _ => throw Fault($"has a '{field}' that is no object"),
    };

    private Regex Expression(string pattern)
    {
        try
        {
            // Linear in the name's length, whatever a file brings along.
            return new($@"\A(?:(?:.*\.)?(?:{pattern}))\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception fault) when (fault is ArgumentException or NotSupportedException)
        {
            throw Fault($"has the pattern '{MessageText.Of(pattern)}', which cannot be read: {MessageText.Of(fault.Message)}");
        }
    }

    private string? Text(string field) =>
        json[field] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private double? Number(string field) => json[field] is { } value ? NumberOf(value, field) : null;

    private double NumberOf(JsonNode? value, string field) =>
        value is JsonValue && value.GetValueKind() == JsonValueKind.Number
        && double.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw Fault($"has no number in '{field}'");

    private CheckpointFormatException Fault(string what) => new(path, what + ".");
}
