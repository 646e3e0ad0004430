using System.Buffers.Binary;
using System.Text;

namespace MappingNets.Tests;

/// <summary>Safetensors files as the format's specification lays them out, written byte by byte, right or wrong.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Of(string header, params byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }

    public static string Entry(string name, string dtype, string shape, int start, int end) =>
        $$"""
        "{{name}}":{"dtype":"{{dtype}}","shape":[{{shape}}],"data_offsets":[{{start}},{{end}}]}
        """;
}
