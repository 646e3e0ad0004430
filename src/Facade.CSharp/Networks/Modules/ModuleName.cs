using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What a user's module is called.</summary>
internal static class ModuleName
{
    /// <summary>What its constructor calls it.</summary>
    // A script module's handle is of another native type than GetName takes, and the process may end there.
    public static string Of(nn.Module module) => module is jit.ScriptModule ? "script" : module.GetName();
}
