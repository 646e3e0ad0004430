using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The element types that safetensors and libtorch share, by the names the format gives them.</summary>
internal static class SafetensorsTypes
{
    private static readonly (string Name, ScalarType Type, int Bytes)[] All =
    [
        ("F64", ScalarType.Float64, 8),
        ("F32", ScalarType.Float32, 4),
        ("F16", ScalarType.Float16, 2),
        ("BF16", ScalarType.BFloat16, 2),
        ("I64", ScalarType.Int64, 8),
        ("I32", ScalarType.Int32, 4),
        ("I16", ScalarType.Int16, 2),
        ("I8", ScalarType.Int8, 1),
        ("U8", ScalarType.Byte, 1),
        ("BOOL", ScalarType.Bool, 1),
    ];

    /// <summary>All names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(entry => entry.Name));

    /// <summary>The libtorch type of a name, or null where there is none.</summary>
    public static ScalarType? TypeOf(string name) =>
        All.Where(entry => entry.Name == name).Select(entry => (ScalarType?)entry.Type).SingleOrDefault();

    /// <summary>The name of a libtorch type, or null where the format has none.</summary>
    public static string? NameOf(ScalarType type) => All.SingleOrDefault(entry => entry.Type == type).Name;

    /// <summary>How many bytes an element of a supported type takes.</summary>
    public static int BytesOf(ScalarType type) => All.Single(entry => entry.Type == type).Bytes;
}
