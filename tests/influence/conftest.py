import sys
from pathlib import Path

# the tests' own recommenders lie beside them
sys.path.insert(0, str(Path(__file__).parent))
