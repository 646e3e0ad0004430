using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A single picture as a network's input, with the numbers that <see cref="ImageFolder"/> would give it.</summary>
public static class Picture
{
    /// <summary>Reads a PNG or JPEG file. What it holds is treated as in <see cref="ImageFolder.Open"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="height">The height that it is scaled to, at least 1.</param>
    /// <param name="width">The width that it is scaled to, at least 1; channels x height x width at most 536,870,897.</param>
    /// <param name="channels">3 for colour, 1 for grey.</param>
    /// <param name="means">The mean of each channel on the scale from 0 to 1; null for 0.5.</param>
    /// <param name="deviations">The standard deviation of each channel on the same scale; null for 0.5.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>A batch of one, (1, channels, height, width), float32; the caller disposes it.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DatasetFormatException">It is damaged, no PNG or JPEG file, or larger than the limits.</exception>
    /// <exception cref="ArgumentException">A size or scale is unusable.</exception>
    public static Tensor Read(
        string path, int height, int width, int channels = 3, IReadOnlyList<double>? means = null, IReadOnlyList<double>? deviations = null,
        ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"The picture '{path}' does not exist.", path);
        using var source = PictureSource.Of(path);
        return Read(source, height, width, channels, means, deviations, limits);
    }

    /// <summary>Reads the bytes of a PNG or JPEG file, such as an upload. What they hold is treated as in <see cref="ImageFolder.Open"/>.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="height">The height that it is scaled to, at least 1.</param>
    /// <param name="width">The width that it is scaled to, at least 1; channels x height x width at most 536,870,897.</param>
    /// <param name="channels">3 for colour, 1 for grey.</param>
    /// <param name="means">The mean of each channel on the scale from 0 to 1; null for 0.5.</param>
    /// <param name="deviations">The standard deviation of each channel on the same scale; null for 0.5.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>A batch of one, (1, channels, height, width), float32; the caller disposes it.</returns>
    /// <exception cref="DatasetFormatException">They are damaged, no PNG or JPEG file, or larger than the limits.</exception>
    /// <exception cref="ArgumentException">A size or scale is unusable.</exception>
    public static Tensor Read(
        ReadOnlyMemory<byte> bytes, int height, int width, int channels = 3, IReadOnlyList<double>? means = null,
        IReadOnlyList<double>? deviations = null, ReadLimits? limits = null)
    {
        using var source = PictureSource.Of(bytes);
        return Read(source, height, width, channels, means, deviations, limits);
    }

    private static Tensor Read(
        PictureSource source, int height, int width, int channels, IReadOnlyList<double>? means, IReadOnlyList<double>? deviations, ReadLimits? limits)
    {
        var scale = ColourScale.Of(channels, means, deviations);
        ImageFile.RequireSize(channels, height, width);
        return scale.Normalised(ImageFile.Colours(source, channels, height, width, limits ?? ReadLimits.Default), [1, channels, height, width]);
    }
}
