using TorchSharp;

namespace MappingNets.Tests;

/// <summary>The sample of docs/bounds.md, here so that it is compiled and run.</summary>
internal static class CertifiedModel
{
    public static LatentCertificate Certify(MappedModel model, torch.Tensor images, torch.Tensor thetaStar)
    {
        // <readme>
        var certificate = model.Certify(images);                       // a radius for each image
        Console.WriteLine(certificate.SmallestRadius);                 // no prediction changes within it, if rounding is as modelled below
        foreach (var constant in certificate.Constants)
            Console.WriteLine($"{constant}: {constant.Meaning}");      // value, Proven / Assumed / Estimated / NotEstablished

        foreach (var (part, radii) in certificate.RadiiAlone)
            Console.WriteLine($"{part} alone: {radii.Min()}");         // LWT: each layer's latent; other models: each trained tensor

        var bounds = model.Bounds(radius: 0.1, inputNorm: 30);         // how far weights and outputs can move
        var noise = model.OutputStability(sigma: 0.001, images);       // a bound with a probability, and what was sampled
        var reach = model.Solvability(thetaStar);                      // what of given weights the latent can reach
        // </readme>
        Console.WriteLine($"{bounds}\n{noise.NoiseNorm}\n{reach}");
        return certificate;
    }
}
