using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Files whose content somebody changed and signed anew, so that what is checked after the hash shows.</summary>
internal static class Signed
{
    /// <summary>Writes tensors and metadata, with the hash of the content where the metadata had one.</summary>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        (string, Tensor)[] stored = [.. tensors.Select(pair => (pair.Key, pair.Value))];
        var signed = new Dictionary<string, string>(metadata);
        if (signed.ContainsKey(ContentHash.MetadataKey))
            signed[ContentHash.MetadataKey] = TensorFile.HashOf(stored, signed);
        SafetensorsFile.Write(path, stored, signed);
    }

    /// <summary>Writes a file again after a change.</summary>
    public static void Change(string path, Action<Dictionary<string, string>>? metadata = null, Action<Dictionary<string, Tensor>>? tensors = null)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, string> text;
        Dictionary<string, Tensor> data;
        using (var file = SafetensorsFile.Read(path))
            (text, data) = (new(file.Metadata), new(file.LoadAll()));
        metadata?.Invoke(text);
        tensors?.Invoke(data);
        Write(path, data, text);
    }
}
